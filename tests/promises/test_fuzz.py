"""Files that anybody may have written: damaged, cut off, or made to mislead. Each is read, or refused in plain words.

Whatever the bytes, a reader ends within seconds, and takes no more memory than the file warrants.
"""

import contextlib
import gzip
import io
import json
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from safetensors.torch import save
from torch import nn

import studies
from invariance.data import sources
from invariance.data.sources import MNIST_FILES, read_downloads, read_source
from invariance.learning.weights import load_weights
from invariance.plan.reading import load
from invariance.plan.validation import validate
from invariance.record.artefacts import InputError, load_array
from made import idx, idx_of
from running import ROOT

SECONDS = 5.0  # of processor time, on a busy machine and under tracemalloc; what an expansion would take is minutes
MEMORY = 20_000_000  # bytes above those of the file: buffers, and the parse trees of small files

fuzzed = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@contextlib.contextmanager
def bounded(size: int) -> Iterator[None]:
    """Assert that the block ends within SECONDS and takes at most MEMORY bytes beyond ten times `size`."""
    tracemalloc.start()
    start = time.process_time()
    try:
        yield
        seconds, (_, peak) = time.process_time() - start, tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert seconds < SECONDS
    assert peak < MEMORY + 10 * size


@pytest.fixture(scope="module", autouse=True)
def warmed_up() -> None:
    """What the first config costs once, such as the checker of the schema, is none of a file's doing."""
    validate(load([ROOT / "config.yaml"]), SCHEMA, STUDIES)


def read_or_refuse(read: Callable[[Path], object], path: Path, content: bytes) -> object:
    """What `read` makes of a file of these bytes; None if it was refused, which must name the file."""
    path.write_bytes(content)
    with bounded(len(content)):
        try:
            return read(path)
        except InputError as error:
            message = str(error)
    assert message
    assert path.name in message or path.parent.name in message
    return None


@st.composite
def damaged(draw: st.DrawFn, whole: bytes) -> bytes:
    """A valid file with bits flipped, bytes replaced, cut out or put in, its end missing, or more behind it."""
    content = bytearray(whole)
    for _ in range(draw(st.integers(1, 4))):
        kind = draw(st.sampled_from(["flip", "replace", "cut", "insert", "truncate", "extend"]))
        at = draw(st.integers(0, max(0, len(content) - 1)) | st.integers(0, max(0, min(200, len(content) - 1))))
        few = draw(st.binary(min_size=1, max_size=9) | st.sampled_from([b"\xff" * 8, b"\0" * 8, b"\x7f" + b"\xff" * 7]))
        if kind == "flip" and content:
            content[at] ^= 1 << draw(st.integers(0, 7))
        elif kind == "replace":
            content[at : at + len(few)] = few
        elif kind == "cut":
            del content[at : at + draw(st.integers(1, 100))]
        elif kind == "insert":
            content[at:at] = few
        elif kind == "truncate":
            del content[at:]
        elif kind == "extend":
            content += few
    return bytes(content)


# MNIST's IDX files ----------------------------------------------------------------------------------------------------

IMAGES = np.random.default_rng(1998).integers(0, 256, (10, 28, 28), dtype=np.uint8)
LABELS = np.arange(10, dtype=np.uint8)
WHOLE_IMAGES, WHOLE_LABELS = idx(IMAGES), idx(LABELS)
IMAGE_FILE = MNIST_FILES[2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MNIST's four files, with ten images each."""
    folder = tmp_path_factory.mktemp("idx")
    for name, content in zip(MNIST_FILES, [WHOLE_IMAGES, WHOLE_LABELS] * 2, strict=True):
        (folder / name).write_bytes(gzip.compress(content, 1))
    read_downloads(folder)  # torchvision is imported here, and not in anybody's time
    return folder


def read_test_images(path: Path) -> np.ndarray:
    return read_downloads(path.parent)[2]


@fuzzed
@given(st.binary(max_size=300).map(lambda content: gzip.compress(content, 1)) | st.binary(max_size=300))
@example(gzip.compress(idx_of((2**32 - 1, 2**32 - 1, 2**32 - 1), b"")))
@example(gzip.compress(idx_of((10**9, 28, 28), bytes(100))))
@example(gzip.compress(idx_of((2**31, 2**31, 4), bytes(100))))  # the product is 2**64, which wraps to 0
@example(gzip.compress(idx_of((10, 28, 28), IMAGES.tobytes(), kind=13)))  # floats, says the magic number
@example(gzip.compress(idx_of((10, 28, 28), IMAGES.tobytes(), kind=7)))
@example(gzip.compress(idx_of((10, 28, 28), IMAGES.tobytes(), dimensions=0)))
@example(gzip.compress(idx_of((10, 28, 28), IMAGES.tobytes(), dimensions=200)))
@example(gzip.compress(idx_of((0, 28, 28), b"")))
@example(gzip.compress(b"\0\0\x08"))
@example(b"")
def test_any_bytes_as_idx(folder, content):
    assert read_or_refuse(read_test_images, folder / IMAGE_FILE, content) is None


@fuzzed
@given(damaged(WHOLE_IMAGES).map(lambda content: gzip.compress(content, 1)) | damaged(gzip.compress(WHOLE_IMAGES, 1)))
def test_a_damaged_idx_file(folder, content):
    images = read_or_refuse(read_test_images, folder / IMAGE_FILE, content)
    assert images is None or (images.dtype, images.shape) == (np.uint8, (10, 28, 28))


TEN = {"side": 28, "classes": 10, "train_images": 10, "validation_images": 0, "test_images": 10}


@fuzzed
@given(damaged(WHOLE_LABELS).map(lambda content: gzip.compress(content, 1)))
def test_damaged_labels(folder, content):
    (folder / IMAGE_FILE).write_bytes(gzip.compress(WHOLE_IMAGES, 1))
    try:
        labels = read_or_refuse(
            lambda path: read_source(TEN | {"downloads": folder})[3], folder / MNIST_FILES[3], content
        )
    finally:
        (folder / MNIST_FILES[3]).write_bytes(gzip.compress(WHOLE_LABELS, 1))
    assert labels is None or sorted(labels) == list(range(10))


def test_what_unpacks_to_gigabytes_is_cut_off(folder, monkeypatch):
    monkeypatch.setattr(sources, "LARGEST", 10**6)
    bomb = io.BytesIO()
    with gzip.open(bomb, "wb", 9) as packed:
        for _ in range(30):
            packed.write(bytes(10**6))
    path = folder / IMAGE_FILE
    path.write_bytes(bomb.getvalue())
    with bounded(len(bomb.getvalue())), pytest.raises(InputError, match=f"{path.name}: unpacks to more than 1000000"):
        read_test_images(path)


# The config -----------------------------------------------------------------------------------------------------------

CONFIG = (ROOT / "config.yaml").read_bytes()
SMALL = (ROOT / "tests" / "configs" / "tiny.yaml").read_bytes()
SCHEMA = ROOT / "workflow" / "schemas" / "config.schema.yaml"
STUDIES = studies.declared()


def multiplied(form: str, inner: str, fan_out: int = 10, levels: int = 10) -> bytes:
    """A few hundred bytes that stand for `fan_out` ** `levels` values: "billion laughs"."""
    lines = [f"a0: &a0 {inner}"]
    for level in range(1, levels):
        below = [form.format(number=number, below=f"*a{level - 1}") for number in range(fan_out)]
        lines.append(
            f"a{level}: &a{level} {'{' if ':' in form else '['}{', '.join(below)}{'}' if ':' in form else ']'}"
        )
    return "\n".join(lines).encode()


def merging(fan_out: int = 10, levels: int = 12) -> bytes:
    """The same by merge keys."""
    lines = ["a0: &a0 {x: 1}"]
    lines += [f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * fan_out)}]}}" for n in range(1, levels)]
    return "\n".join(lines).encode()


def load_and_validate(path: Path) -> dict:
    config = load([path])
    with contextlib.suppress(InputError):  # its message names keys
        validate(config, SCHEMA, STUDIES)
    return config


BOMBS = {
    "lists": multiplied("{below}", "[x]"),
    "mappings": multiplied("k{number}: {below}", "{x: 1}"),
    "merge keys": merging(),
    "lists in a list": b"audit: [" + b"[" * 3000 + b"]" * 3000 + b"]",
    "mappings in a mapping": b"audit: " + b"{a: " * 3000 + b"1" + b"}" * 3000,
    "indentation": b"\n".join(b" " * depth + b"a:" for depth in range(600)),
    "digits": b"audit: {images: " + b"9" * 100_000 + b"}",
    "exponent": b"audit: {tolerance: 1.0e+999999999}",
    "base 60": b"audit: {images: " + b":".join([b"59"] * 3000) + b"}",
    "too large a file": b"dataset: mnist\n" + b"#" * 1_000_000,
    "one long word": b"dataset: " + b"x" * 150_000,
    "itself": b"audit: &a {x: *a}",
    "itself in a list": b"audit: &a [*a, *a, *a]",
    "a template": b"__use_yte__: true\naudit: {images: '?__import__(\"os\").getpid()'}",
    "an object": b"device: !!python/object/apply:os.system [true]",
    "a name": b"device: !!python/name:os.system",
    "half a character": b'device: "\\ud800"',
}


@pytest.mark.parametrize("content", [pytest.param(content, id=name) for name, content in BOMBS.items()])
def test_a_config_that_would_grow_is_refused_in_time(tmp_path, content):
    path = tmp_path / "my.yaml"
    if not (config := read_or_refuse(lambda path: load([path]), path, content)):
        return
    with bounded(len(content)), pytest.raises(InputError, match="config is not valid"):
        validate(config, SCHEMA, STUDIES)


@pytest.mark.parametrize("name", ["lists", "mappings", "merge keys"])
def test_billion_laughs_are_named_as_such(tmp_path, name):
    (tmp_path / "my.yaml").write_bytes(BOMBS[name])
    with pytest.raises(InputError, match=r"holds more than 50000 values|merge keys give it more than 50000 keys"):
        load([tmp_path / "my.yaml"])


def test_what_snakemake_has_merged_is_bounded_too():
    """Snakemake reads the files itself; a config may arrive here that `load` has never seen."""
    config: list = ["x"]
    for _ in range(9):
        config = [config] * 10
    with bounded(0), pytest.raises(InputError, match="holds more than 50000 values"):
        validate({"device": config}, SCHEMA, STUDIES)


@fuzzed
@given(st.binary(max_size=200))
def test_any_bytes_as_config(tmp_path, content):
    read_or_refuse(load_and_validate, tmp_path / "my.yaml", content)


@fuzzed
@given(damaged(SMALL))
def test_a_damaged_config(tmp_path, content):
    read_or_refuse(load_and_validate, tmp_path / "my.yaml", content)


@settings(fuzzed, max_examples=8)
@given(damaged(CONFIG))
def test_the_damaged_config_of_the_study(tmp_path, content):
    read_or_refuse(lambda path: load([path]), tmp_path / "my.yaml", content)


# Weights --------------------------------------------------------------------------------------------------------------


def network() -> nn.Module:
    return nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))


WEIGHTS = save(network().state_dict())


def load_into_network(path: Path) -> dict[str, torch.Tensor]:
    model = network()
    load_weights(model, path)
    return model.state_dict()


def safetensors(header: object, values: bytes = b"", claimed: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return (len(text) if claimed is None else claimed).to_bytes(8, "little") + text + values


def tensor(shape: list[int], end: int, dtype: str = "F32", begin: int = 0) -> dict:
    return {"0.weight": {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}}


HOSTILE_WEIGHTS = {
    "empty": b"",
    "header of 10^12 bytes": safetensors({}, claimed=10**12),
    "header of 2^64 bytes": safetensors({}, claimed=2**64 - 1),
    "header of 90 megabytes": safetensors({}, claimed=90_000_000),
    "tensor of 10^12 numbers": safetensors(tensor([10**12], 4 * 10**12)),
    "tensor of 2^64 numbers": safetensors(tensor([2**32, 2**32], 0)),
    "tensor of 2^200 numbers": safetensors(tensor([2**50] * 4, 24)),
    "negative shape": safetensors(tensor([-1], 24)),
    "negative offset": safetensors(tensor([2, 3], 24, begin=-24)),
    "backward offsets": safetensors(tensor([2, 3], 0, begin=24), bytes(24)),
    "unknown type": safetensors(tensor([2, 3], 24, dtype="O"), bytes(24)),
    "type of 6 bits": safetensors(tensor([4, 2], 6, dtype="F6_E2M3"), bytes(6)),
    "type of 4 bits": safetensors(tensor([4, 3], 6, dtype="F4"), bytes(6)),
    "no JSON": safetensors(b"\x80\x04pickle"),
    "a list": safetensors([]),
    "deep JSON": safetensors(b"[" * 100_000),
    "names that are no text": safetensors({"0.weight": 3}),
    "a pickle": b"\x80\x04\x95\x17\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x94\x8c\x06system\x94\x93\x94.",
}


@pytest.mark.parametrize("content", [pytest.param(content, id=name) for name, content in HOSTILE_WEIGHTS.items()])
def test_hostile_weights_are_refused(tmp_path, content):
    assert read_or_refuse(load_into_network, tmp_path / "weights.safetensors", content) is None


def test_a_torch_pickle_is_no_weights(tmp_path):
    pickled = io.BytesIO()
    torch.save(network().state_dict(), pickled)
    assert read_or_refuse(load_into_network, tmp_path / "weights.safetensors", pickled.getvalue()) is None


@fuzzed
@given(st.binary(max_size=200) | damaged(WEIGHTS))
def test_any_bytes_as_weights(tmp_path, content):
    weights = read_or_refuse(load_into_network, tmp_path / "weights.safetensors", content)
    assert weights is None or weights["0.weight"].shape == (2, 3)


# Arrays ---------------------------------------------------------------------------------------------------------------


def npy(header: str, values: bytes = b"", version: int = 1) -> bytes:
    text = header.encode("latin-1") + b"\n"
    return b"\x93NUMPY" + bytes([version, 0]) + len(text).to_bytes(2 if version == 1 else 4, "little") + text + values


def npy_of(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=True)
    return stream.getvalue()


ARRAY = npy_of(IMAGES[:2])
HOSTILE_ARRAYS = {
    "empty": b"",
    "10^12 bytes": npy("{'descr': '|u1', 'fortran_order': False, 'shape': (1000000000000,), }"),
    "10^12 numbers": npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1000000, 1000000), }", bytes(8)),
    "2^64 bytes": npy("{'descr': '|u1', 'fortran_order': False, 'shape': (4294967296, 4294967296), }"),
    "2^200 bytes": npy(f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({2**100}, {2**100}), }}"),
    "a negative shape": npy("{'descr': '|u1', 'fortran_order': False, 'shape': (-1,), }", bytes(8)),
    "a large negative shape": npy("{'descr': '|u1', 'fortran_order': False, 'shape': (-1000000000000, -1), }"),
    "a shape of truths": npy("{'descr': '|u1', 'fortran_order': False, 'shape': (True,), }", bytes(8)),
    "a large type": npy("{'descr': '|S2000000000', 'fortran_order': False, 'shape': (1000,), }"),
    "objects": npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", b"\x80\x04N."),
    "objects in a record": npy("{'descr': [('a', '|O')], 'fortran_order': False, 'shape': (1,), }", b"\x80\x04N."),
    "an array of objects": npy_of(np.array([{}, 1], dtype=object)),
    "code": npy("__import__('os').getpid()"),
    "no mapping": npy("(1, 2, 3)"),
    "a deep header": npy("(" * 5000 + ")" * 5000),
    "a header of 4 gigabytes": b"\x93NUMPY\x02\x00\xff\xff\xff\xff{'descr'",
    "a header of 200 kilobytes": npy(
        "{'descr': '|u1', 'fortran_order': False, 'shape': (1,), }" + " " * 200_000, b"1", 2
    ),
    "another version": b"\x93NUMPY\x09\x00" + ARRAY[8:],
    "a zip archive": b"PK\x03\x04" + bytes(40),
    "a pickle": b"\x80\x04\x95\x17\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x94\x8c\x06system\x94\x93\x94.",
}


@pytest.mark.parametrize("mapped", [False, True])
@pytest.mark.parametrize("content", [pytest.param(content, id=name) for name, content in HOSTILE_ARRAYS.items()])
def test_hostile_arrays_are_refused(tmp_path, content, mapped):
    assert read_or_refuse(lambda path: load_array(path, mapped=mapped), tmp_path / "images.npy", content) is None


@fuzzed
@given(st.binary(max_size=200) | damaged(ARRAY) | damaged(ARRAY[:128]), st.booleans())
def test_any_bytes_as_array(tmp_path, content, mapped):
    array = read_or_refuse(lambda path: load_array(path, mapped=mapped), tmp_path / "images.npy", content)
    assert array is None or (not array.dtype.hasobject and array.nbytes <= len(content))
