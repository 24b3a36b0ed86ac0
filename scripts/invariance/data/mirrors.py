"""Fetch one file from the first mirror that gives it whole and unaltered.

No mirror is trusted: a file becomes visible under its name only after its SHA-256 was found right. A mirror is

- an https:// address of a folder (http:// only on this very machine, for tests and local copies);
- a file:/// address of a folder;
- a folder, relative to the working directory.
"""

import contextlib
import hashlib
import http.client
import os
import re
import socket
import ssl
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote, urlsplit

from invariance.command_line import progress
from invariance.record.artefacts import InputError, whole_file

VARIABLE = "MNIST_MIRROR"  # environment variable: one mirror, tried before all others
LARGEST = 50_000_000  # bytes; the largest file of MNIST has 9.9 million
SLOWEST = 1_000  # bytes/s, averaged over one timeout; a mirror that drips more slowly is as good as silent
BLOCK = 1 << 16  # bytes asked for at once
HEAD = 512  # bytes kept to see what kind of file it is
LINE_EVERY = 3.0  # seconds between two lines of progress
PAUSE = 0.5  # seconds before the second try at a mirror; doubled before each further one

GZIP_MAGIC = b"\x1f\x8b"
HTML_OPENINGS = (b"<!doctype html", b"<html", b"<head", b"<body")
LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")
PASSING_STATUS = (408, 425, 429, 500, 502, 503, 504)  # the server asks to be tried again

TWO_WAYS_ON = f"""Two ways on:
  {VARIABLE}=/folder/with/the/four/files snakemake --cores 8   if you have MNIST's four .gz files, or another mirror
  make demo                                                            the embedded 8x8 digits instead: no download"""


class MirrorError(Exception):
    """Why a mirror did not give the file; `passing` says that the same mirror may give it if asked again."""

    def __init__(self, reason: str, *, passing: bool = False):
        super().__init__(" ".join(reason.split()))
        self.passing = passing


@dataclass(frozen=True)
class Answer:
    """A mirror's answer, before its content is read."""

    read: Callable[[int], bytes]  # at most so many bytes; none at the end
    promised: int | None = None  # bytes that the mirror says will follow
    content_type: str = ""
    redirected_to: str = ""


class Received:
    """What was read of an answer so far: its digest, its size in bytes, and its first bytes."""

    def __init__(self):
        self.digest = hashlib.sha256()
        self.size = 0
        self.head = b""

    def add(self, block: bytes) -> None:
        """Take in the next bytes."""
        self.digest.update(block)
        self.size += len(block)
        self.head += block[: HEAD - len(self.head)]


def fetch(
    name: str,
    sha256: str,
    mirrors: list[str],
    output: Path | str,
    *,
    timeout: float = 15.0,
    attempts: int = 2,
    largest: int = LARGEST,
    pause: float = PAUSE,
) -> None:
    """Write file `name` of the first mirror that gives it to `output`; MNIST_MIRROR is tried before `mirrors`.

    Args:
        name: the file's name below each mirror, such as train-images-idx3-ubyte.gz.
        sha256: of the file, in hexadecimal.
        mirrors: in the order in which to try them.
        output: where the file appears, whole, once its SHA-256 was found right.
        timeout: seconds without an answer, or without progress, before a mirror is given up.
        attempts: tries at each mirror for faults that may pass, such as a broken connection.
        largest: bytes after which a mirror is cut off.
        pause: seconds before the second try.

    Raises:
        InputError: no mirror gave the file (each is named with its reason), or an argument is wrong.
    """
    check_request(name, sha256, mirrors, timeout, attempts)
    failures = []
    for mirror in mirrors_in_order(mirrors):
        progress(f"{name}: from {mirror}")
        try:
            fetch_from(mirror, name, sha256, output, timeout, attempts, largest, pause)
        except MirrorError as error:
            failures.append(f"  {mirror}{origin(mirror)}: {error}")
            progress(f"{name}: {mirror} failed: {error}")
        else:
            return
    raise InputError("\n".join([f"{name}: no mirror gave this file. Tried, in this order:", *failures, TWO_WAYS_ON]))


def check_request(name: str, sha256: str, mirrors: list[str], timeout: float, attempts: int) -> None:
    """Refuse a request that no mirror could answer.

    Raises:
        InputError: naming the argument, its value and what is allowed.
    """
    if Path(name).name != name or name in ("", "..") or not name.isprintable():
        raise InputError(f"file name {name!r}: must be a plain name without folders, such as t10k-labels-idx1-ubyte.gz")
    if not re.fullmatch("[0-9a-f]{64}", sha256):
        raise InputError(f"sha256 of {name}: {sha256!r} is not 64 hexadecimal digits in lower case")
    if not isinstance(mirrors, list) or not all(isinstance(mirror, str) and mirror for mirror in mirrors):
        raise InputError(f"mirrors: {mirrors!r} must be a list of https:// or file:// addresses or folders")
    if not mirrors_in_order(mirrors):
        raise InputError(f"{name}: there is no mirror to fetch it from.\n{TWO_WAYS_ON}")
    if not timeout > 0:
        raise InputError(f"timeout: {timeout} must be more than 0 seconds")
    if attempts < 1:
        raise InputError(f"attempts: {attempts} must be 1 or more")


def mirrors_in_order(mirrors: list[str]) -> list[str]:
    """The mirror of the environment, if there is one, then the others, each once."""
    preferred = os.environ.get(VARIABLE, "").strip()
    return list(dict.fromkeys([preferred, *mirrors] if preferred else mirrors))


def origin(mirror: str) -> str:
    """Say where a mirror comes from if it is not the config."""
    return f" (from {VARIABLE})" if mirror == os.environ.get(VARIABLE, "").strip() else ""


def fetch_from(
    mirror: str,
    name: str,
    sha256: str,
    output: Path | str,
    timeout: float,
    attempts: int,
    largest: int,
    pause: float,
) -> None:
    """Try one mirror, again after a short pause if its fault may pass.

    Raises:
        MirrorError: the last try's fault.
    """
    for attempt in range(1, attempts + 1):
        try:
            with whole_file(output) as temporary, temporary.open("wb") as stream:
                with opened(mirror, name, timeout) as answer:
                    received = receive(answer, stream, name, timeout, largest)
                check_received(received, answer, sha256)
            progress(f"{name}: {megabytes(received.size)} MB, SHA-256 as expected")
            return
        except MirrorError as error:
            if attempt == attempts or not error.passing:
                raise
            progress(f"{name}: {error}; try {attempt + 1} of {attempts}")
            time.sleep(pause * 2 ** (attempt - 1))


@contextlib.contextmanager
def opened(mirror: str, name: str, timeout: float) -> Iterator[Answer]:
    """Open file `name` of a mirror of any kind.

    Raises:
        MirrorError: the mirror is of no known kind, or has no such file.
    """
    with faults_told():
        if mirror.startswith("file:"):
            opening = opened_in_folder(folder_of(mirror), name)
        elif "://" in mirror:
            opening = opened_on_web(f"{mirror.rstrip('/')}/{quote(name)}", timeout)
        else:
            opening = opened_in_folder(Path(mirror).expanduser(), name)
    with opening as answer:
        yield answer


def folder_of(address: str) -> Path:
    """The folder that a file:/// address names."""
    parts = urlsplit(address)
    if parts.netloc not in ("", "localhost"):
        raise MirrorError(f"a file address must have three slashes (file:///folder), for {parts.netloc!r} is no folder")
    return Path(urllib.request.url2pathname(parts.path))


@contextlib.contextmanager
def opened_in_folder(folder: Path, name: str) -> Iterator[Answer]:
    """Open a file of this machine."""
    path = folder / name
    with faults_told():
        if not folder.is_dir():
            raise MirrorError(f"there is no folder {folder.resolve()}")
        if not path.is_file():
            raise MirrorError(f"there is no file {name} in this folder")
        stream = path.open("rb")
    with stream:
        yield Answer(stream.read, promised=path.stat().st_size)


@contextlib.contextmanager
def opened_on_web(address: str, timeout: float) -> Iterator[Answer]:
    """Ask for a file over https, or over http on this machine."""
    with faults_told():
        local = is_local_http(address)
    if not local and urlsplit(address).scheme != "https":
        raise MirrorError("refused: a mirror must be https://, file:/// or a folder (http:// only on localhost)")
    proxies = [urllib.request.ProxyHandler({})] if local else []
    opener = urllib.request.build_opener(CarefulRedirects, PunctualHTTP, PunctualHTTPS, *proxies)
    request = urllib.request.Request(address, headers={"User-Agent": "translation-invariance"})
    with faults_told(timeout):
        response = opener.open(request, timeout=timeout)
    with response:
        promised = response.headers.get("Content-Length", "")

        def read(size: int) -> bytes:
            with within(timeout, response.connection):
                return response.read1(size)

        yield Answer(
            read,
            promised=int(promised) if promised.isdecimal() else None,
            content_type=response.headers.get_content_type(),
            redirected_to=response.url if response.url != address else "",
        )


@contextlib.contextmanager
def within(seconds: float, connection: socket.socket) -> Iterator[None]:
    """Shut `connection` down if the block takes longer.

    A socket's own timeout begins again with each byte, so that a mirror could drip a header for days.

    Raises:
        TimeoutError: it took longer.
    """
    late = threading.Event()

    def give_up() -> None:
        late.set()
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(min(seconds, threading.TIMEOUT_MAX), give_up)
    timer.daemon = True
    timer.start()
    try:
        yield
    except (OSError, http.client.HTTPException):
        if not late.is_set():
            raise
    finally:
        timer.cancel()
    if late.is_set():
        raise TimeoutError


class Punctual(http.client.HTTPConnection):
    """A connection that gives a mirror `timeout` seconds for its whole header."""

    def getresponse(self) -> http.client.HTTPResponse:
        connection = self.sock  # http.client forgets it once it has the header
        with within(self.timeout, connection):
            response = super().getresponse()
        response.connection = connection
        return response


class PunctualSecure(Punctual, http.client.HTTPSConnection):
    """The same, encrypted."""


class PunctualHTTP(urllib.request.HTTPHandler):
    """Opens http:// by a punctual connection."""

    def http_open(self, req):
        """The argument is urllib's."""
        return self.do_open(Punctual, req)


class PunctualHTTPS(urllib.request.HTTPSHandler):
    """Opens https:// by a punctual connection."""

    def https_open(self, req):
        """The argument is urllib's."""
        return self.do_open(PunctualSecure, req, context=self._context)


class CarefulRedirects(urllib.request.HTTPRedirectHandler):
    """Follow redirects to https only; from http on this machine, also to http on this machine."""

    def redirect_request(self, req, fp, code, msg, headers, newurl):
        """Refuse a redirect that would leave an encrypted connection; the arguments are urllib's."""
        if not (urlsplit(newurl).scheme == "https" or (is_local_http(req.full_url) and is_local_http(newurl))):
            fp.close()
            raise MirrorError(f"refused: it redirects to {newurl}, which is not https")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def is_local_http(address: str) -> bool:
    """Whether an address is plain http to this machine, which nobody can listen in on."""
    parts = urlsplit(address)
    return parts.scheme == "http" and parts.hostname in LOCAL_HOSTS


@contextlib.contextmanager
def faults_told(timeout: float = 0.0) -> Iterator[None]:
    """Turn what can go wrong while opening or reading into a MirrorError with a reason in plain words."""
    try:
        yield
    except urllib.error.HTTPError as error:
        error.close()
        raise MirrorError(f"HTTP {error.code} {error.reason}", passing=error.code in PASSING_STATUS) from None
    except urllib.error.URLError as error:
        raise fault_of(error.reason, timeout) from None
    except (OSError, http.client.HTTPException, ValueError, RuntimeError) as error:
        raise fault_of(error, timeout) from None


def fault_of(cause: BaseException | str, timeout: float) -> MirrorError:
    """Name the cause of a failed connection, or of a file that cannot be read."""
    if isinstance(cause, TimeoutError):
        return MirrorError(f"no answer within {timeout:g} s (timeout)")
    if isinstance(cause, ssl.SSLCertVerificationError):
        return MirrorError(f"its certificate is not trusted ({cause.verify_message})")
    if isinstance(cause, http.client.IncompleteRead):
        return MirrorError("truncated: the connection ended", passing=True)
    if isinstance(cause, PermissionError):
        return MirrorError("no permission to read it")
    if isinstance(cause, OSError):
        return MirrorError(f"the connection failed ({cause.strerror or cause})", passing=True)
    return MirrorError(f"not a usable address or answer ({cause})")


def receive(answer: Answer, stream: BinaryIO, name: str, timeout: float, largest: int) -> Received:
    """Copy an answer into `stream`, with a line of progress now and then.

    Raises:
        MirrorError: the mirror fell silent or nearly so, broke off, or sends more than `largest` bytes.
    """
    received = Received()
    start = line = window = time.monotonic()
    size_then = 0
    check_size(answer.promised or 0, largest)
    while block := read_block(answer, received, timeout):
        stream.write(block)
        received.add(block)
        check_size(received.size, largest)
        now = time.monotonic()
        if now - window > timeout:
            check_pace(received.size - size_then, now - window)
            window, size_then = now, received.size
        if now - line > LINE_EVERY:
            line = now
            progress(progress_line(name, received.size, answer.promised, now - start))
    return received


def read_block(answer: Answer, received: Received, timeout: float) -> bytes:
    """The next bytes of an answer; a fault says how far it came."""
    try:
        with faults_told(timeout):
            return answer.read(BLOCK)
    except MirrorError as error:
        raise MirrorError(f"{error} after {bytes_of(received.size, answer.promised)}", passing=error.passing) from None


def check_size(size: int, largest: int) -> None:
    """Cut off a mirror that sends, or promises, more than `largest` bytes."""
    if size > largest:
        raise MirrorError(f"too large: more than {largest} bytes, cut off")


def check_pace(size: int, seconds: float) -> None:
    """Give up a mirror that dripped fewer than SLOWEST bytes a second."""
    if size < SLOWEST * seconds:
        raise MirrorError(f"too slow: {size} bytes in {seconds:.0f} s (timeout)")


def check_received(received: Received, answer: Answer, sha256: str) -> None:
    """Hold what was received to its SHA-256, and say what it is if it is not the file.

    Raises:
        MirrorError: a web page, a truncated file (may pass), or an altered one.
    """
    found = received.digest.hexdigest()
    if found == sha256:
        return
    if is_web_page(answer.content_type, received.head):
        after = f", after a redirect to {answer.redirected_to}" if answer.redirected_to else ""
        raise MirrorError(f"answered with a web page (HTML) instead of the file{after}")
    if answer.promised is not None and received.size < answer.promised:
        raise MirrorError(f"truncated: it ended after {bytes_of(received.size, answer.promised)}", passing=True)
    raise MirrorError(f"altered: its {received.size} bytes have SHA-256 {found}, expected {sha256}")


def is_web_page(content_type: str, head: bytes) -> bool:
    """Whether an answer is HTML by its opening, or by its declared type unless it opens as gzip does."""
    if head.startswith(GZIP_MAGIC):
        return False
    declared = content_type in ("text/html", "application/xhtml+xml")
    return declared or head.removeprefix(b"\xef\xbb\xbf").lstrip().lower().startswith(HTML_OPENINGS)


def progress_line(name: str, size: int, promised: int | None, seconds: float) -> str:
    """Such as "train-images-idx3-ubyte.gz: 3.2 of 9.9 MB, 1.1 MB/s"."""
    total = f" of {megabytes(promised)}" if promised else ""
    return f"{name}: {megabytes(size)}{total} MB, {size / 1e6 / seconds:.2g} MB/s"


def megabytes(size: int) -> str:
    """A size in millions of bytes, with three decimals for the small files of labels."""
    return f"{size / 1e6:.1f}" if size >= 1e6 else f"{size / 1e6:.3f}"


def bytes_of(size: int, promised: int | None) -> str:
    """Such as "512 of 1024 bytes", or "512 bytes" if the mirror promised none."""
    return f"{size} bytes" if promised is None else f"{size} of {promised} bytes"
