"""Snakemake's checksums of inputs: a file that was touched, or made again with the same bytes, reruns nothing."""

from pathlib import Path
from typing import Any

from snakemake.io import _IOFile


def compute_once() -> None:
    """From now on, hash a file once for as long as it stays as it is.

    Snakemake 9 hashes all inputs of a finished job once for each of its outputs, and starts no other job meanwhile: a
    training has three outputs, and reads up to 30 copies of 50 MB.
    """
    compute = _IOFile.checksum
    known: dict[Any, tuple[Any, str | None]] = {}

    async def checksum(file: _IOFile, *arguments: Any, **options: Any) -> str | None:
        try:
            status = Path(file).stat()
        except OSError:
            return await compute(file, *arguments, **options)
        what = str(file), arguments, tuple(options.items())
        state = status.st_ino, status.st_size, status.st_mtime_ns
        if known.get(what, (None,))[0] != state:
            known[what] = state, await compute(file, *arguments, **options)
        return known[what][1]

    _IOFile.checksum = checksum
