"""Artefacts on disk: written whole or not at all, and checked by SHA-256 before they are read.

Each artefact below the working directory's `results` has a record of its SHA-256 in `results/.sha256`, under the same
path. Reading an artefact checks its hash, so that an altered or foreign file is reported before it can reach a table. A
link into Snakemake's between-workflow cache is recorded when it is first read.
"""

import contextlib
import hashlib
import json
import os
import re
import tempfile
import tokenize
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np


class InputError(Exception):
    """An error that the user can fix. Its text says what is wrong, where, what is allowed and what to do."""


RESULTS = "results"
RECORDS = ".sha256"


@contextlib.contextmanager
def whole_file(path: Path | str) -> Iterator[Path]:
    """Yield a temporary path, which becomes `path` if the block succeeds and is removed if it fails.

    Readers and later runs therefore never see a half-written file.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_leftovers(path)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}.", suffix=path.suffix)
        os.close(handle)
        temporary = Path(name)
        try:
            yield temporary
            temporary.chmod(0o666 & ~current_umask())
            record(path, sha256_of(temporary))
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except Exception as error:
        error.add_note(str(path))  # the error of a full disk names no file, or the temporary file
        raise


@contextlib.contextmanager
def whole_folder(path: Path | str, *, replace: bool = False) -> Iterator[Path]:
    """Yield a temporary folder, which becomes `path` if the block succeeds and is removed if it fails.

    Args:
        path: the folder.
        replace: whether one that is there already is replaced.

    Raises:
        InputError: `path` exists, is not an empty folder, and `replace` is false; or its folder cannot be made.
    """
    path = Path(os.path.abspath(path))  # noqa: PTH100 (resolve would follow a link)
    if not replace and (path.is_symlink() or (path.exists() and (not path.is_dir() or any(path.iterdir())))):
        what = "is a link" if path.is_symlink() else "holds other files" if path.is_dir() else "is a file"
        raise InputError(f"{path}: {what}, and nothing is overwritten; name a new or an empty folder")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.", ignore_cleanup_errors=True)
    except FileNotFoundError:  # below /proc, for one
        raise InputError(f"{path.parent}: the system makes no folder there; name another place") from None
    with temporary as name:
        made = Path(name) / "made"
        made.mkdir()
        yield made
        if path.exists():
            path.rename(Path(name) / "replaced")
        made.rename(path)


def remove_leftovers(path: Path) -> None:
    """Remove what a killed job left beside `path`; only one job at a time writes a file."""
    leftover = re.compile(re.escape(f".{path.stem}.") + r"\w{8}" + re.escape(path.suffix))
    for file in path.parent.iterdir():
        if leftover.fullmatch(file.name):
            file.unlink(missing_ok=True)


def current_umask() -> int:
    """The process's file mode mask, which mkstemp ignores: artefacts should be as readable as other files."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


def record_of(path: Path | str) -> Path | None:
    """The path of the record of an artefact's SHA-256; None for a file that is no artefact.

    Artefacts are below ./results or, seen from elsewhere, below a folder of that name that holds records.
    """
    near = Path(os.path.relpath(path))
    if near.parts[:1] == ("..",):
        absolute = Path(os.path.abspath(path))  # noqa: PTH100 (results may be a link)
        roots = (folder for folder in absolute.parents if folder.name == RESULTS and (folder / RECORDS).is_dir())
        root, near = next(roots, None), absolute
    else:
        root = Path(RESULTS) if near.parts[:1] == (RESULTS,) and len(near.parts) > 1 else None
    if root is None or near.is_relative_to(root / RECORDS):
        return None
    return root / RECORDS / near.relative_to(root)


def record(path: Path | str, sha256: str) -> None:
    """Record the SHA-256 of the artefact at `path`, which need not exist yet."""
    if place := record_of(path):
        with whole_file(place) as temporary:
            temporary.write_text(sha256 + "\n", encoding="ascii")


def require_unaltered(path: Path | str) -> str:
    """The SHA-256 of an artefact; raises InputError if it is missing, unreadable, or not what was made here."""
    try:
        found = sha256_of(path)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from None
    place = record_of(path)
    if place is None:
        return found
    if not place.exists() or linked_after(path, place):
        with contextlib.suppress(FileNotFoundError):  # another job records it at the same time
            record(path, found)
    elif (expected := recorded_sha256(path)) != found:
        raise InputError(
            f"{path}: altered since it was made, or put there from elsewhere (its SHA-256 is {found}, was {expected}); "
            "delete it to have it made again"
        )
    return found


def linked_after(path: Path | str, place: Path) -> bool:
    """Whether `path` is a link into the between-workflow cache that was made after the record at `place`."""
    return Path(path).is_symlink() and Path(path).lstat().st_mtime_ns > place.stat().st_mtime_ns


def recorded_sha256(path: Path | str) -> str:
    """The recorded SHA-256 of an artefact; computed if there is no record."""
    place = record_of(path)
    return place.read_text(encoding="ascii").strip() if place and place.exists() else sha256_of(path)


def write_text(path: Path | str, text: str) -> None:
    """Write `text` as UTF-8 with line feeds on every platform."""
    with whole_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: Path | str, value: Any, *, sort_keys: bool = True) -> None:
    """Write `value` as indented JSON, by default with sorted keys; NaN and infinity, which JSON lacks, are refused."""
    write_text(path, json.dumps(value, indent=2, sort_keys=sort_keys, allow_nan=False, ensure_ascii=False) + "\n")


def write_csv(path: Path | str, columns: Sequence[str], rows: Iterable[Sequence[float]]) -> None:
    """Write numbers as CSV with eight significant digits, without importing pandas."""
    lines = [columns, *([f"{value:.8g}" for value in row] for row in rows)]
    write_text(path, "".join(",".join(line) + "\n" for line in lines))


def read_json(path: Path | str) -> Any:
    """Read a JSON file; raises InputError if it is missing, unreadable, altered, or not JSON."""
    require_unaltered(path)
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{path}: not a JSON file ({error}); delete it to have it made again") from None


def save_array(path: Path | str, array: np.ndarray) -> None:
    """Write a plain .npy file; arrays of objects are refused."""
    with whole_file(path) as temporary, temporary.open("wb") as stream:
        np.save(stream, array, allow_pickle=False)


def load_array(path: Path | str, *, mapped: bool = False) -> np.ndarray:
    """Read a .npy file, or map it into memory; raises InputError unless it is whole, unaltered, and without objects."""
    require_unaltered(path)
    try:
        with Path(path).open("rb") as stream:
            version = np.lib.format.read_magic(stream)  # numpy.load would also take a zip archive
        if version != (1, 0):  # other versions may claim a header of gigabytes
            raise ValueError(f"version {version} of the format, and only (1, 0) is written here")
        array = np.load(path, mmap_mode="r", allow_pickle=False)  # memory is taken only for what the file really holds
        return array if mapped else np.array(array)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from None
    except (ValueError, TypeError, OverflowError, EOFError, tokenize.TokenError) as error:
        raise InputError(f"{path}: not a whole .npy file ({error}); delete it to have it made again") from None


def sha256_of(path: Path | str) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
