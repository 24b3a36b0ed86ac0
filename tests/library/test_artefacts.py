"""Artefacts appear whole or not at all, and are read without trust."""

import hashlib
import json
import os
import pickle
import stat

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from invariance.record.artefacts import (
    InputError,
    current_umask,
    load_array,
    read_json,
    save_array,
    sha256_of,
    whole_file,
    write_json,
    write_text,
)
from made import TrapError, trap
from strategies import JSON


class Trap:
    """A pickle of it calls `trap` when it is loaded."""

    def __reduce__(self):
        return trap, ()


@pytest.fixture
def umask():
    """Set the process's file mode mask for one test."""
    before = current_umask()
    yield os.umask
    os.umask(before)


# ----------------------------------------------------------------------------------------------------------------------
# Whole files


def test_a_file_appears_when_its_block_ends(tmp_path):
    path = tmp_path / "below" / "folders" / "table.csv"
    with whole_file(path) as temporary:
        temporary.write_text("a,b\n")
        assert temporary.parent == path.parent
        assert temporary.suffix == ".csv"
        assert not path.exists()
    assert path.read_text() == "a,b\n"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("stop", [TrapError, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("old", [None, "old"])
def test_a_block_that_fails_leaves_what_was_there(tmp_path, stop, old):
    path = tmp_path / "table.csv"
    if old:
        path.write_text(old)

    def write_half() -> None:
        with whole_file(path) as temporary:
            temporary.write_text("half")
            raise stop

    with pytest.raises(stop):
        write_half()
    assert {file.name: file.read_text() for file in tmp_path.iterdir()} == ({path.name: old} if old else {})


def test_a_file_is_replaced_in_one_step(tmp_path):
    """A reader that has the old file open keeps reading the old one."""
    path = tmp_path / "weights"
    write_text(path, "old")
    with path.open() as reader:
        write_text(path, "new")
        assert reader.read() == "old"
    assert path.read_text() == "new"


def test_a_block_that_removes_its_file_is_told(tmp_path):
    with pytest.raises(FileNotFoundError), whole_file(tmp_path / "figure.png") as temporary:
        temporary.unlink()
    assert not list(tmp_path.iterdir())


def test_two_writers_of_one_file_do_not_mix(tmp_path):
    path = tmp_path / "card.json"
    with whole_file(path) as one, whole_file(path) as other:
        assert one != other
        one.write_text("one")
        other.write_text("other")
    assert path.read_text() == "one"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664), (0o000, 0o666)])
def test_permissions_follow_the_umask(tmp_path, umask, mask, mode):
    umask(mask)
    write_text(tmp_path / "table.csv", "a\n")
    assert stat.S_IMODE((tmp_path / "table.csv").stat().st_mode) == mode
    assert current_umask() == mask


# ----------------------------------------------------------------------------------------------------------------------
# Text and JSON


def test_text_is_utf8_with_line_feeds(tmp_path):
    write_text(tmp_path / "note.txt", "é ± 1\nb\r\n")
    assert (tmp_path / "note.txt").read_bytes() == "é ± 1\nb\r\n".encode()


def test_json_has_sorted_keys(tmp_path):
    path = tmp_path / "card.json"
    write_json(path, {"b": 1, "a": {"d": [1, 2], "c": "±"}})
    assert path.read_text(encoding="utf-8") == (
        '{\n  "a": {\n    "c": "±",\n    "d": [\n      1,\n      2\n    ]\n  },\n  "b": 1\n}\n'
    )
    other = tmp_path / "other.json"
    write_json(other, {"a": {"c": "±", "d": [1, 2]}, "b": 1})
    assert other.read_bytes() == path.read_bytes()


@settings(deadline=None)
@given(value=JSON)
def test_json_is_read_as_it_was_written(tmp_path_factory, value):
    path = tmp_path_factory.getbasetemp() / "value.json"
    write_json(path, value)
    assert read_json(path) == value
    assert json.loads(path.read_text(encoding="utf-8")) == value


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), {"a": [np.nan]}])
def test_json_without_numbers_is_refused(tmp_path, value):
    path = tmp_path / "card.json"
    write_json(path, 1)
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(path, value)
    assert read_json(path) == 1


@pytest.mark.parametrize("content", [b"", b"{", b'{"a": }', b"\xff\xfe", b"[1, 2", b"<!DOCTYPE html>"])
def test_what_is_not_json_is_told(tmp_path, content):
    path = tmp_path / "card.json"
    path.write_bytes(content)
    with pytest.raises(InputError) as refused:
        read_json(path)
    assert str(refused.value).startswith(f"{path}: not a JSON file (")
    assert str(refused.value).endswith("; delete it to have it made again")


def test_missing_files_are_told(tmp_path):
    for read in (read_json, load_array):
        with pytest.raises(InputError) as refused:
            read(tmp_path / "missing")
        assert str(refused.value) == f"{tmp_path / 'missing'}: no such file"


# ----------------------------------------------------------------------------------------------------------------------
# Arrays


@settings(deadline=None)
@given(
    array=npst.arrays(
        st.sampled_from([np.uint8, np.int64, np.float32, np.float64]), npst.array_shapes(min_dims=0, min_side=0)
    ),
    mapped=st.booleans(),
)
def test_arrays_are_read_as_they_were_saved(tmp_path_factory, array, mapped):
    path = tmp_path_factory.getbasetemp() / "array.npy"
    save_array(path, array)
    loaded = load_array(path, mapped=mapped)
    assert (loaded.dtype, loaded.shape, loaded.tobytes()) == (array.dtype, array.shape, array.tobytes())


def test_the_name_is_kept_as_it_is(tmp_path):
    """numpy.save would add .npy to a name without it."""
    save_array(tmp_path / "copy.bin", np.arange(3))
    assert [file.name for file in tmp_path.iterdir()] == ["copy.bin"]


def test_a_mapped_array_is_read_only(tmp_path):
    path = tmp_path / "copy-000.npy"
    save_array(path, np.arange(6, dtype=np.uint8))
    mapped = load_array(path, mapped=True)
    assert isinstance(mapped, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        mapped[0] = 1


def test_saving_the_same_array_gives_the_same_bytes(tmp_path):
    array = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    for name in ("a.npy", "b.npy"):
        save_array(tmp_path / name, array)
    assert sha256_of(tmp_path / "a.npy") == sha256_of(tmp_path / "b.npy")


def test_objects_are_not_saved(tmp_path):
    with pytest.raises(ValueError, match="Object arrays cannot be saved"):
        save_array(tmp_path / "a.npy", np.array([{}], dtype=object))
    assert not list(tmp_path.iterdir())


def assert_refused(path, mapped):
    with pytest.raises(InputError) as refused:
        load_array(path, mapped=mapped)
    assert str(refused.value).startswith(f"{path}: not a whole .npy file (")
    assert str(refused.value).endswith("; delete it to have it made again")


@pytest.mark.parametrize("mapped", [False, True])
def test_pickles_are_never_loaded(tmp_path, mapped):
    path = tmp_path / "copy-000.npy"
    path.write_bytes(pickle.dumps(Trap()))
    assert_refused(path, mapped)
    np.save(path, np.array([Trap()], dtype=object), allow_pickle=True)
    assert_refused(path, mapped)
    with pytest.raises(TrapError):
        np.load(path, allow_pickle=True)


@pytest.mark.parametrize("mapped", [False, True])
@pytest.mark.parametrize("kept", [0, 1, 5, 8, 9, 60, 127, 128, 129, 1127])
def test_truncated_arrays_are_refused(tmp_path, mapped, kept):
    path = tmp_path / "copy-000.npy"
    save_array(path, np.arange(1000, dtype=np.uint8))
    whole = path.read_bytes()
    assert len(whole) == 1128
    path.write_bytes(whole[:kept])
    assert_refused(path, mapped)


@pytest.mark.parametrize("content", [b"<!DOCTYPE html>", b"dx,dy\n0,0\n", b"\x1f\x8b\x08", b"\x00" * 200])
def test_other_files_are_refused(tmp_path, content):
    path = tmp_path / "copy-000.npy"
    path.write_bytes(content)
    assert_refused(path, mapped=False)


@pytest.mark.parametrize("mapped", [False, True])
@pytest.mark.parametrize("kept", [-1, 50])
def test_zip_archives_are_refused(tmp_path, mapped, kept):
    path = tmp_path / "copy-000.npy"
    with path.open("wb") as stream:
        np.savez(stream, a=np.arange(3))
    path.write_bytes(path.read_bytes()[:kept])
    assert_refused(path, mapped)


@pytest.mark.parametrize("mapped", [False, True])
@pytest.mark.parametrize("place", [0, 7, 10, 20, 70, 127])
def test_altered_headers_are_refused(tmp_path, mapped, place):
    path = tmp_path / "copy-000.npy"
    save_array(path, np.arange(1000, dtype=np.uint8))
    content = bytearray(path.read_bytes())
    content[place] = ord("(")
    path.write_bytes(content)
    assert_refused(path, mapped)


@pytest.mark.parametrize("read", [read_json, load_array])
def test_a_folder_in_place_of_a_file_is_told(tmp_path, read):
    with pytest.raises(InputError) as refused:
        read(tmp_path)
    assert str(refused.value) == f"{tmp_path}: cannot be read (Is a directory)"


@settings(deadline=None)
@given(content=st.binary(max_size=3000))
def test_sha256_is_that_of_the_bytes(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "content"
    path.write_bytes(content)
    assert sha256_of(path) == sha256_of(str(path)) == hashlib.sha256(content).hexdigest()
