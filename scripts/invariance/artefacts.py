"""Artefacts on disk: written whole or not at all, read without trust, named by their SHA-256."""

import contextlib
import hashlib
import json
import os
import tempfile
import tokenize
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np


class InputError(Exception):
    """Something that the user can mend. Its text says what is wrong, where, what is allowed and what to do."""


@contextlib.contextmanager
def whole_file(path: Path | str) -> Iterator[Path]:
    """Yield a temporary path beside `path`, which becomes `path` if the block ends well and is removed if it does not.

    A reader, or a later run, therefore never sees a file that was half written.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}.", suffix=path.suffix)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o666 & ~current_umask())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def current_umask() -> int:
    """The process's file mode mask; mkstemp ignores it, and artefacts should be as readable as any other file."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_text(path: Path | str, text: str) -> None:
    """Write `text` as UTF-8 with line feeds, whatever the platform's habit."""
    with whole_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: Path | str, value: Any, *, sort_keys: bool = True) -> None:
    """Write `value` as indented JSON, by default with sorted keys; NaN and infinity are refused, being no JSON."""
    write_text(path, json.dumps(value, indent=2, sort_keys=sort_keys, allow_nan=False, ensure_ascii=False) + "\n")


def write_csv(path: Path | str, columns: Sequence[str], rows: Iterable[Sequence[float]]) -> None:
    """Write numbers as comma-separated values, eight significant digits; scripts that compute need no pandas."""
    lines = [columns, *([f"{value:.8g}" for value in row] for row in rows)]
    write_text(path, "".join(",".join(line) + "\n" for line in lines))


def read_json(path: Path | str) -> Any:
    """Read a JSON file.

    Raises:
        InputError: the file is missing, cannot be read or is not JSON.
    """
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from None
    except ValueError as error:
        raise InputError(f"{path}: not a JSON file ({error}); delete it to have it made again") from None


def save_array(path: Path | str, array: np.ndarray) -> None:
    """Write a plain .npy file; arrays of objects are refused."""
    with whole_file(path) as temporary, temporary.open("wb") as stream:
        np.save(stream, array, allow_pickle=False)


def load_array(path: Path | str, *, mapped: bool = False) -> np.ndarray:
    """Read a .npy file, or map it into memory read-only; pickled objects are never loaded.

    Raises:
        InputError: the file is missing, cannot be read, is truncated, or is not a plain .npy file.
    """
    try:
        with Path(path).open("rb") as stream:
            np.lib.format.read_magic(stream)  # numpy.load would also take a zip archive
        return np.load(path, mmap_mode="r" if mapped else None, allow_pickle=False)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from None
    except (ValueError, EOFError, tokenize.TokenError) as error:
        raise InputError(f"{path}: not a whole .npy file ({error}); delete it to have it made again") from None


def sha256_of(path: Path | str) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
