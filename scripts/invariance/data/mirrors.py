"""Fetch one file from the first mirror that serves it whole and unaltered.

No mirror is trusted: a file appears under its name only after its SHA-256 was checked. A mirror is

- an https:// or http:// address of a folder. Nobody can alter a file on the way unnoticed, thanks to the SHA-256; but a
  redirect never leaves https, nor leads from http to another host without it;
- a folder, also as file:/// address; a relative one starts at the working directory, in an environment variable such as
  MNIST_MIRROR where Snakemake was called.

A folder may also hold a file of MNIST unpacked or repacked, with a dot in its name (train-images.idx3-ubyte), or where
torchvision puts it (MNIST/raw): then the unpacked content is checked by its own SHA-256, and packed again.
A failing mirror raises MirrorError; if all fail, that becomes one InputError.
"""

import contextlib
import gzip
import hashlib
import http.client
import io
import os
import re
import signal
import ssl
import time
import urllib.request
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote, urljoin, urlsplit

import requests
import urllib3

from invariance.command_line import progress
from invariance.record.artefacts import InputError, sha256_of, whole_file

CALLED_FROM = "INVARIANCE_CALLED_FROM"  # the folder that a relative mirror in it starts from; the Snakefile sets it
LARGEST = 50_000_000  # bytes; the largest file of MNIST has 9.9 million, unpacked 47.1 million
LONGEST = 86_400  # seconds that a timeout may last
SLOWEST = 1_000  # bytes/s, averaged over one timeout; a slower mirror counts as silent
BLOCK = 1 << 16  # bytes read at once
LONGEST_PAUSE = 30.0  # seconds before another try; pauses double up to it
LINE_EVERY = 3.0  # seconds between two lines of progress
REDIRECTS = 10  # followed for one file

GZIP_MAGIC = b"\x1f\x8b"
HTML_OPENINGS = (b"<!doctype html", b"<html", b"<head", b"<body")
LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")
PASSING_STATUS = (408, 425, 429, 500, 502, 503, 504)  # HTTP status codes that ask for another try
PLACES = ("", "raw", "MNIST/raw")  # where a folder may hold the files; the last two are torchvision's
# SHA-256 of a published .gz file of MNIST -> of what it unpacks to.
# fmt: off
UNPACKED = {
    "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609":
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c":
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6":
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6":
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
# fmt: on

TWO_WAYS_ON = """You can do one of two things:
  export {variable}=/folder/with/the/four/files   if you have the four files, or another mirror; then run again
  make demo                                             the embedded 8x8 digits instead: no download"""


class MirrorError(Exception):
    """Why a mirror did not serve the file; if the fault is `passing`, the same mirror may serve it next time."""

    def __init__(self, reason: str, *, passing: bool = False):
        super().__init__(" ".join(reason.split()))
        self.passing = passing


@dataclass(frozen=True)
class Wanted:
    """A file, the limits of a mirror (seconds without progress, bytes in total), and the mirror to ask first."""

    name: str
    sha256: str
    timeout: float
    largest: int
    preferred: str = ""


def fetch(
    name: str,
    sha256: str,
    mirrors: list[str],
    output: Path | str,
    *,
    timeout: float,
    attempts: int,
    variable: str,
    largest: int = LARGEST,
    pause: float = 0.5,
) -> None:
    """Write the file `name` of the first mirror that serves it to `output`, as scripts/download.py describes.

    The deadlines are alarms, so this must run in the main thread. `largest` is the number of bytes after which a mirror
    is cut off, `pause` the seconds before the second try, and `variable` the environment variable of a mirror to ask
    before all others.

    Raises:
        InputError: no mirror served the file (each is named with its reason), or an argument is wrong.
    """
    check_request(name, sha256, mirrors, timeout, attempts)
    wanted = Wanted(name, sha256, timeout, largest, os.environ.get(variable, "").strip())
    failures, advice = [], TWO_WAYS_ON.format(variable=variable)
    in_order = [mirror for mirror in dict.fromkeys([wanted.preferred, *mirrors]) if mirror]
    if not in_order:
        raise InputError(f"{name}: there is no mirror to fetch it from.\n{advice}")
    for mirror in in_order:
        progress(f"{name}: from {mirror}")
        try:
            fetch_from(mirror, wanted, output, attempts, pause)
            return
        except MirrorError as error:
            origin = f" (from {variable})" if mirror == wanted.preferred else ""
            failures.append(f"  {mirror}{origin}: {error}")
            progress(f"{name}: {mirror} failed: {error}")
    raise InputError("\n".join([f"{name}: no mirror served this file. Tried, in this order:", *failures, advice]))


def check_request(name: str, sha256: str, mirrors: list[str], timeout: float, attempts: int) -> None:
    """Raise InputError for a request that no mirror can answer."""
    if Path(name).name != name or name in ("", "..") or not name.isprintable():
        raise InputError(f"file name {name!r}: must be a plain name without folders, such as t10k-labels-idx1-ubyte.gz")
    if not re.fullmatch("[0-9a-f]{64}", sha256):
        raise InputError(f"sha256 of {name}: {sha256!r} is not 64 hexadecimal digits in lower case")
    if not isinstance(mirrors, list) or not all(isinstance(mirror, str) and mirror for mirror in mirrors):
        raise InputError(f"mirrors: {mirrors!r} must be a list of https:// or file:// addresses or folders")
    if not 0 < timeout <= LONGEST:
        raise InputError(f"timeout: {timeout} must be more than 0 seconds, at most {LONGEST}")
    if attempts < 1:
        raise InputError(f"attempts: {attempts} must be 1 or more")


def fetch_from(mirror: str, wanted: Wanted, output: Path | str, attempts: int, pause: float) -> None:
    """Try one mirror, and after a pause try again if its fault may pass; urllib3's retries do not cover the body."""
    for attempt in range(1, attempts + 1):
        try:
            with whole_file(output) as temporary:
                if "://" in mirror and not mirror.startswith("file:"):
                    take_from_web(f"{mirror.rstrip('/')}/{quote(wanted.name)}", wanted, temporary)
                else:
                    take_from_folder(folder_of(mirror, wanted.preferred), wanted, temporary)
                progress(f"{wanted.name}: {temporary.stat().st_size / 1e6:.3f} MB, SHA-256 as expected")
            return
        except MirrorError as error:
            if attempt == attempts or not error.passing:
                raise
            progress(f"{wanted.name}: {error}; try {attempt + 1} of {attempts}")
            time.sleep(min(pause * 2 ** min(attempt - 1, 30), LONGEST_PAUSE))


def folder_of(mirror: str, preferred: str) -> Path:
    """The folder that a path or a file:/// address names; a relative path of `preferred` starts from CALLED_FROM."""
    with mirror_errors():
        if not mirror.startswith("file:"):
            start = os.environ.get(CALLED_FROM, "") if mirror == preferred else ""
            return start / Path(mirror).expanduser()
        parts = urlsplit(mirror)
        if parts.netloc not in ("", "localhost"):
            raise MirrorError(f"a file address must have three slashes (file:///folder); {parts.netloc!r} is no folder")
        return Path(urllib.request.url2pathname(parts.path))


def take_from_folder(folder: Path, wanted: Wanted, temporary: Path) -> None:
    """Write the file to `temporary`: as published if the folder has it, otherwise with its content packed again."""
    unpacked = UNPACKED.get(wanted.sha256)
    faults = []
    for path in files_in(folder, wanted.name):
        place = path.relative_to(folder)
        with mirror_errors(), path.open("rb") as stream:
            content = stream.read(wanted.largest + 1)
        if len(content) > wanted.largest:
            faults.append(f"{place} is too large: more than {wanted.largest} bytes")
        elif (found := hashlib.sha256(content).hexdigest()) == wanted.sha256:
            temporary.write_bytes(content)
            return
        elif unpacked is None and path.suffix != ".gz":
            faults.append(f"{place} is not packed, which is allowed of MNIST's files alone; put {wanted.name} there")
        elif unpacked and hashlib.sha256(plain := unpack(content, wanted.largest)).hexdigest() == unpacked:
            temporary.write_bytes(gzip.compress(plain, 6, mtime=0))
            return
        else:
            page = ", a web page" if is_web_page("", content) else ""
            faults.append(f"altered: {place} ({len(content)} bytes{page}) has SHA-256 {found}")
    raise MirrorError(f"{'; '.join(faults)}, expected {wanted.sha256}{f', or {unpacked} unpacked' if unpacked else ''}")


def files_in(folder: Path, name: str) -> list[Path]:
    """The files of a folder that may be `name`, packed files first."""
    plain = name.removesuffix(".gz")
    dotted = plain.replace("-idx", ".idx")
    with mirror_errors():
        if not folder.is_dir():
            raise MirrorError(f"there is no folder {folder.resolve()}")
        paths = [folder / place / file for file in (name, f"{dotted}.gz", plain, dotted) for place in PLACES]
        found = [path for path in dict.fromkeys(paths) if path.is_file()]
    if not found:
        raise MirrorError(f"there is no file {name} in this folder, nor {plain}, nor one of them in {PLACES[-1]}")
    return found


def unpack(content: bytes, largest: int) -> bytes:
    """The content of a .gz file, up to `largest` bytes; `content` itself if it is no whole .gz file."""
    try:
        return gzip.GzipFile(fileobj=io.BytesIO(content)).read(largest)
    except (OSError, EOFError, zlib.error):
        return content


class Adapter(requests.adapters.HTTPAdapter):
    """Trusts the system's certificates, or those of SSL_CERT_FILE, in addition to those of requests."""

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, **options, ssl_context=ssl.create_default_context())

    def proxy_manager_for(self, proxy: str, **options: Any) -> urllib3.ProxyManager:
        return super().proxy_manager_for(proxy, **options, ssl_context=ssl.create_default_context())


def take_from_web(address: str, wanted: Wanted, temporary: Path) -> None:
    """Write the file to `temporary`, exactly as published."""
    with contextlib.closing(Adapter()) as adapter, temporary.open("wb") as stream:
        with alarm(stream, wanted.timeout), mirror_errors():
            response = ask(adapter, address, wanted.timeout)
        with response, alarm(stream, wanted.timeout):
            receive(response, stream, wanted)
    if sha256_of(temporary) != wanted.sha256:
        raise what_came_instead(response, temporary, wanted.sha256)


def ask(adapter: Adapter, address: str, timeout: float) -> requests.Response:
    """Request a file over https or http, without reading its content.

    Redirects are followed here: a session of requests would read the body of each, and send credentials of .netrc.
    """
    request = request_for(address)
    if not allowed(request.url, request.url):
        raise MirrorError("refused: a mirror must be https://, http://, file:/// or a folder")
    passed = []
    while True:
        proxies = {} if is_local_http(request.url) else requests.utils.get_environ_proxies(request.url)
        # Half the time to connect, so that a host's second address is tried too; `alarm` limits the rest.
        limits = {"timeout": (timeout / 2, None), "verify": os.environ.get("REQUESTS_CA_BUNDLE") or True}
        response = adapter.send(request, stream=True, proxies=proxies, **limits)
        if not response.is_redirect or len(passed) == REDIRECTS:
            break
        response.close()
        passed.append(response)
        last, request = request.url, request_for(urljoin(request.url, response.headers["Location"]))
        if not allowed(request.url, last):
            raise MirrorError(f"refused: it redirects to {request.url}, which is not https")
    if response.status_code // 100 != 2:
        response.close()
        passing = response.status_code in PASSING_STATUS
        raise MirrorError(f"HTTP {response.status_code} {response.reason}", passing=passing)
    response.history = passed
    return response


def request_for(address: str) -> requests.PreparedRequest:
    """A request; its `url` is normalised, as it will be sent, so that it can be checked."""
    return requests.Request("GET", address, headers={"User-Agent": "translation-invariance"}).prepare()


def allowed(address: str, last: str) -> bool:
    """Whether a redirect from `last` may be followed: to https, or from http to http of the same host."""
    old, new = urlsplit(last), urlsplit(address)
    same_host = old.hostname == new.hostname or (is_local_http(last) and is_local_http(address))
    return new.scheme == "https" or (new.scheme == old.scheme == "http" and same_host)


def is_local_http(address: str) -> bool:
    """Whether an address is plain http on this machine, where nobody can intercept it."""
    parts = urlsplit(address)
    return parts.scheme == "http" and parts.hostname in LOCAL_HOSTS


@contextlib.contextmanager
def alarm(stream: BinaryIO, seconds: float) -> Iterator[None]:
    """Interrupt the block when the file of `stream` grows by fewer than SLOWEST bytes a second during `seconds`.

    A socket's own timeout restarts with each byte, so that a mirror could send one header for days.
    """
    before = 0

    def look(*_: object) -> None:
        nonlocal before
        now = os.fstat(stream.fileno()).st_size  # tell() could itself be interrupted
        size, before = now - before, now
        if size < SLOWEST * seconds:
            fault = f"too slow: {size} bytes in" if size else "no answer within"
            raise MirrorError(f"{fault} {seconds:g} s (timeout)")

    handler = signal.signal(signal.SIGALRM, look)
    signal.setitimer(signal.ITIMER_REAL, seconds, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)


def receive(response: requests.Response, stream: BinaryIO, wanted: Wanted) -> None:
    """Copy the body, undecoded, into `stream`, with a line of progress now and then."""
    response.raw.enforce_content_length = False  # a truncated file shows in its digest
    promised, start, line = promised_size(response), time.monotonic(), time.monotonic()
    try:
        check_size(promised, wanted.largest)
        while True:
            with mirror_errors():
                block = response.raw.read1(BLOCK, decode_content=False)
            if not block:
                break
            stream.write(block)
            stream.flush()  # for `alarm` to see it
            size, now = stream.tell(), time.monotonic()
            check_size(size, wanted.largest)
            if now - line > LINE_EVERY:
                line, total = now, f" of {promised / 1e6:.3f}" if promised else ""
                progress(f"{wanted.name}: {size / 1e6:.3f}{total} MB, {size / 1e6 / (now - start):.2g} MB/s")
    except MirrorError as error:
        raise MirrorError(f"{error} after {progress_of(stream.tell(), response)}", passing=error.passing) from None


def check_size(size: int, largest: int) -> None:
    """Cut off a mirror that sends or promises more than `largest` bytes."""
    if size > largest:
        raise MirrorError(f"too large: more than {largest} bytes, cut off")


def promised_size(response: requests.Response) -> int:
    """Content-Length in bytes; 0 if the mirror sent none."""
    length = response.headers.get("Content-Length", "")
    return int(length) if length.isdecimal() and len(length) < 20 else 0


@contextlib.contextmanager
def mirror_errors() -> Iterator[None]:
    """Turn errors of opening and reading, not of writing, into MirrorErrors named by the innermost system error."""
    try:
        yield
    except (OSError, ValueError, RuntimeError, http.client.HTTPException, urllib3.exceptions.HTTPError) as error:
        chain = [error]
        while cause := chain[-1].__cause__ or chain[-1].__context__:
            chain.append(cause)
        inner = [each for each in chain if isinstance(each, OSError)]
        inner = [each for each in inner if not isinstance(each, requests.RequestException)]
        raise fault_of((inner or chain)[-1]) from None


def fault_of(error: BaseException) -> MirrorError:
    """The cause of a failed connection, or of a file that cannot be read, in plain words."""
    match error:
        case ssl.SSLCertVerificationError():
            return MirrorError(f"its certificate is not trusted ({error.verify_message})")
        case TimeoutError():
            return MirrorError("no connection in time (timeout)")
        case PermissionError():
            return MirrorError(f"no permission to read {error.filename or 'it'}")
        case OSError() if not isinstance(error, ValueError):  # as an address without a host is, of requests
            return MirrorError(f"the connection failed ({error.strerror or error})", passing=True)
        case http.client.IncompleteRead():
            return MirrorError("truncated: the connection ended", passing=True)
    return MirrorError(f"not a usable address or answer ({error})")


def what_came_instead(response: requests.Response, received: Path, sha256: str) -> MirrorError:
    """What was received instead of the file: a web page, a truncated file (may pass), or an altered file."""
    if is_web_page(response.headers.get("Content-Type", ""), received.read_bytes()):
        after = f", after a redirect to {response.url}" if response.history else ""
        return MirrorError(f"answered with a web page (HTML) instead of the file{after}")
    size = received.stat().st_size
    if size < promised_size(response):
        return MirrorError(f"truncated: it ended after {progress_of(size, response)}", passing=True)
    return MirrorError(f"altered: its {size} bytes have SHA-256 {sha256_of(received)}, expected {sha256}")


def is_web_page(content_type: str, content: bytes) -> bool:
    """Whether an answer is HTML: by its first bytes, or by its declared type unless it starts like gzip."""
    if content.startswith(GZIP_MAGIC):
        return False
    declared = re.match(r"text/html\b|application/xhtml\+xml\b", content_type.strip().lower())
    return bool(declared) or content[:BLOCK].removeprefix(b"\xef\xbb\xbf").lstrip().lower().startswith(HTML_OPENINGS)


def progress_of(size: int, response: requests.Response) -> str:
    """Such as "512 of 1024 bytes", or "512 bytes" if the mirror promised nothing."""
    promised = promised_size(response)
    return f"{size} of {promised} bytes" if promised else f"{size} bytes"
