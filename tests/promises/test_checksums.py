"""Each input is hashed once in a run, whatever reads it, and again once it has changed."""

import asyncio
import hashlib
from types import SimpleNamespace

import pytest
from snakemake import io

from invariance.record import checksums

# What a file asks of its rule.
RULE = SimpleNamespace(
    workflow=SimpleNamespace(iocache=SimpleNamespace(active=False)),
    pathvars=SimpleNamespace(apply=lambda path: path),
)


@pytest.fixture
def hashed(monkeypatch) -> list[str]:
    """The files that are read to be hashed, in this order."""
    files, digest = [], hashlib.file_digest

    def counted(stream, algorithm):
        files.append(stream.name)
        return digest(stream, algorithm)

    monkeypatch.setattr(hashlib, "file_digest", counted)
    monkeypatch.setattr(io._IOFile, "checksum", io._IOFile.checksum)  # to have it back
    checksums.compute_once()
    return files


def checksum(path, limit: int = 1000) -> str | None:
    return asyncio.run(io.IOFile(str(path), rule=RULE).checksum(limit))


def test_a_file_is_hashed_once_as_long_as_it_stays_as_it_is(hashed, tmp_path):
    path = tmp_path / "copy"
    path.write_bytes(b"a")
    expected = f"sha256:{hashlib.sha256(b'a').hexdigest()}"
    assert [checksum(path) for _ in range(3)] == [expected] * 3
    assert hashed == [str(path)]


@pytest.mark.parametrize("text", [b"b", b"longer"])
def test_a_file_that_changed_is_hashed_again(text, hashed, tmp_path):
    path = tmp_path / "copy"
    path.write_bytes(b"a")
    checksum(path)
    (tmp_path / "new").write_bytes(text)
    (tmp_path / "new").replace(path)
    assert checksum(path) == f"sha256:{hashlib.sha256(text).hexdigest()}"


def test_what_is_not_hashed_still_is_not(hashed, tmp_path):
    path = tmp_path / "copy"
    assert checksum(path) is None
    path.write_bytes(b"larger than that")
    assert checksum(path, limit=3) is None
    assert checksum(path) is not None
