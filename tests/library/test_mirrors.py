"""The mirrors: each fault of a real server is named, the next mirror is tried, and no partial file is left."""

import functools
import gzip
import hashlib
import http.server
import json
import os
import random
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
import tracemalloc
from pathlib import Path

import pytest

from invariance.data import mirrors
from invariance.data.mirrors import fetch
from invariance.record.artefacts import InputError
from judging import CONFIG
from running import ROOT

NAME = "t10k-labels-idx1-ubyte.gz"
CONTENT = mirrors.GZIP_MAGIC + random.Random(2003).randbytes(200_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()
BOMB = gzip.compress(bytes(10**8))  # a hundred kilobytes that unpack to a hundred megabytes
ALTERED = CONTENT[:-1] + bytes([CONTENT[-1] ^ 1])
PAGE = b"\n<!DOCTYPE html><html><body>Please sign in to the guest network</body></html>"
DOWNLOAD = ROOT / "scripts" / "download.py"
CERTIFICATE = Path(__file__).with_name("localhost.pem")  # self-signed, with its key, from 2000 to 2100; of no secret
VARIABLE = "MNIST_MIRROR"
TWICE = {"timeout": 1, "attempts": 2, "variable": VARIABLE}
UNREACHABLE = "http://127.0.0.1:1/"  # nothing listens on this port


class Handler(http.server.BaseHTTPRequestHandler):
    """One behaviour for each folder: /good/NAME, /missing/NAME and so on; keeps count of the requests."""

    def do_GET(self):
        folder = self.path.split("/")[1]
        self.server.requests.append(folder)
        getattr(self, f"answer_{folder}")()

    def answer(self, content, promised=None, content_type="application/octet-stream", status=200):
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(content) if promised is None else promised))
        self.end_headers()
        self.wfile.write(content)

    def answer_good(self):
        self.answer(CONTENT)

    def answer_mislabelled(self):
        self.answer(CONTENT, content_type="text/html")

    def answer_missing(self):
        self.send_error(404)

    def answer_unavailable(self):
        self.send_error(503)

    def answer_once_unavailable(self):
        if self.server.requests.count("once_unavailable") == 1:
            self.send_error(503)
        else:
            self.answer(CONTENT)

    def answer_page(self):
        self.answer(PAGE)

    def answer_declared_page(self):
        self.answer(b"Sign in", content_type="text/html; charset=utf-8")

    def answer_truncated(self):
        self.answer(CONTENT[:70_000], promised=len(CONTENT))

    def answer_altered(self):
        self.answer(ALTERED)

    def answer_silent(self):
        self.server.over.wait(20)

    def answer_hanging(self):
        self.answer(CONTENT[:70_000], promised=len(CONTENT))
        self.wfile.flush()
        self.server.over.wait(20)

    def answer_dripping(self):
        self.answer(CONTENT[:10], promised=len(CONTENT))
        while not self.server.over.wait(0.2):
            self.wfile.write(b".")

    def answer_broken_chunks(self):
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"1000\r\n" + CONTENT[:100])

    def answer_reset(self):
        self.answer(CONTENT[:70_000], promised=len(CONTENT))
        self.wfile.flush()
        time.sleep(0.1)
        linger_no_time = struct.pack("ii", 1, 0)  # closing then resets the connection
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_no_time)

    def answer_endless(self):
        self.send_response(200)
        self.end_headers()
        while not self.server.over.is_set():
            self.wfile.write(bytes(100_000))

    def head(self, *lines):
        self.wfile.write("".join(f"{line}\r\n" for line in ("HTTP/1.1 200 OK", *lines, "")).encode())

    def drip(self, text):
        """One byte at a time, each in time."""
        while not self.server.over.wait(0.1):
            self.wfile.write(text)

    def answer_error(self):
        self.send_error(500)

    def answer_promising_less(self):
        self.answer(CONTENT, promised=1000)

    def answer_promising_more(self):
        self.answer(CONTENT, promised=len(CONTENT) + 1)

    def answer_promising_text(self):
        self.head("Content-Length: lots")
        self.wfile.write(CONTENT)

    def answer_promising_negative(self):
        self.head("Content-Length: -1")
        self.wfile.write(CONTENT)

    def answer_nothing(self):
        self.answer(b"")

    def answer_bomb(self):
        self.answer(BOMB)

    def answer_encoded(self):
        self.head("Content-Encoding: gzip", f"Content-Length: {len(CONTENT)}")
        self.wfile.write(CONTENT)

    def answer_encoded_bomb(self):
        self.head("Content-Encoding: gzip", f"Content-Length: {len(BOMB)}")
        self.wfile.write(BOMB)

    def answer_many_headers(self):
        self.head(*(f"X-{number}: y" for number in range(300)))

    def answer_long_header(self):
        self.wfile.write(b"HTTP/1.1 200 " + b"OK" * 100_000)

    def answer_long_length(self):
        self.head("Content-Length: " + "9" * 5000)
        self.wfile.write(CONTENT[:1000])

    def answer_dripping_status(self):
        self.drip(b"H")

    def answer_dripping_header(self):
        self.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
        self.drip(b"y")

    def answer_dripping_chunk(self):
        self.head("Transfer-Encoding: chunked")
        self.drip(b"0")

    def answer_negative_chunk(self):
        self.head("Transfer-Encoding: chunked")
        self.wfile.write(b"-1\r\n" + CONTENT)

    def answer_huge_chunk(self):
        self.head("Transfer-Encoding: chunked")
        self.wfile.write(b"ffffffffff\r\n" + CONTENT)

    def answer_redirect_to_file(self):
        self.redirect("file:///etc/hostname")

    def answer_redirect_to_data(self):
        self.redirect("data:application/gzip;base64,H4sI")

    def answer_redirect_to_nowhere(self):
        self.redirect("http://[::1/")

    def answer_redirect_on_and_on(self):
        self.redirect(f"/redirect_on_and_on/{len(self.server.requests)}/{NAME}")

    def answer_promising_much(self):
        self.answer(b"", promised=10**12)

    def redirect(self, address):
        self.send_response(302)
        self.send_header("Location", address)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def answer_redirect_to_good(self):
        self.redirect("/good/" + NAME)

    def answer_redirect_to_page(self):
        self.redirect("/page/sign-in")

    def answer_redirect_with_endless_body(self):
        self.wfile.write(f"HTTP/1.1 302 Found\r\nLocation: /good/{NAME}\r\n\r\n".encode())
        while not self.server.over.is_set():
            self.wfile.write(bytes(100_000))

    def answer_packed_anew(self):
        self.answer(ANEW)

    def answer_nosy(self):
        self.answer(CONTENT if not self.headers["Authorization"] else b"Why, thank you")

    def answer_redirect_outside(self):
        self.redirect("http://mirror.example/" + NAME)

    def answer_redirect_to_itself(self):
        self.redirect(self.path)

    def answer_garbage(self):
        self.wfile.write(b"220 this is no HTTP\r\n\r\n")

    def log_message(self, *arguments):
        """Keep the test's output quiet."""


class Server(http.server.ThreadingHTTPServer):
    """A server of this machine that does not mind clients which hang up."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests = []
        self.over = threading.Event()

    def shutdown_request(self, request):
        """Close at once: the orderly end that comes first by default would hide the reset."""
        self.close_request(request)

    def handle_error(self, request, client_address):
        """A client that cuts off an endless answer is not an error here."""

    def address(self, folder):
        return f"http://127.0.0.1:{self.server_port}/{folder}/"


@pytest.fixture
def server():
    with Server() as running:
        thread = threading.Thread(target=functools.partial(running.serve_forever, poll_interval=0.02))
        thread.start()
        yield running
        running.over.set()
        running.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def no_mirror_in_the_environment(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)


@pytest.fixture
def output(tmp_path):
    return tmp_path / "download" / NAME


@pytest.fixture
def folder(tmp_path):
    """A folder that is a good mirror."""
    path = tmp_path / "a folder"
    path.mkdir()
    (path / NAME).write_bytes(CONTENT)
    return path


def fetch_fast(sources, output, **options):
    fetch(NAME, SHA256, sources, output, **TWICE | {"pause": 0.01, "largest": 1_000_000} | options)


def nothing_left(output):
    return not output.parent.exists() or not list(output.parent.iterdir())


# Each fault of a server, the required message, and how often the mirror is asked if two attempts are allowed.
FAULTS = {
    "missing": ("HTTP 404 Not Found", 1),
    "unavailable": ("HTTP 503 Service Unavailable", 2),
    "page": ("answered with a web page (HTML) instead of the file", 1),
    "declared_page": ("answered with a web page (HTML) instead of the file", 1),
    "redirect_to_page": ("answered with a web page (HTML) instead of the file, after a redirect to http://127", 2),
    "redirect_outside": ("refused: it redirects to http://mirror.example/", 1),
    "redirect_to_itself": ("HTTP 302", None),
    "truncated": ("truncated: it ended after 70000 of 200002 bytes", 2),
    "broken_chunks": ("truncated: the connection ended after 100 bytes", 2),
    "reset": ("the connection failed (Connection reset by peer) after", 2),
    "altered": (f"SHA-256 {hashlib.sha256(ALTERED).hexdigest()}, expected {SHA256}", 1),
    "silent": ("no answer within 1 s (timeout)", 1),
    "hanging": ("no answer within 1 s (timeout) after 70000 of 200002 bytes", 1),
    "dripping": ("too slow", 1),
    "endless": ("too large: more than 1000000 bytes, cut off", 1),
    "promising_much": ("too large: more than 1000000 bytes, cut off", 1),
    "garbage": ("not a usable address or answer", 1),
    "error": ("HTTP 500 Internal Server Error", 2),
    "promising_less": ("altered: its 1000 bytes have SHA-256", 1),
    "nothing": (f"altered: its 0 bytes have SHA-256 {hashlib.sha256(b'').hexdigest()}", 1),
    "bomb": (f"altered: its {len(BOMB)} bytes have SHA-256 {hashlib.sha256(BOMB).hexdigest()}, expected", 1),
    "encoded_bomb": (f"altered: its {len(BOMB)} bytes have SHA-256", 1),
    "many_headers": ("not a usable address or answer", 1),
    "long_header": ("not a usable address or answer", 1),
    "long_length": ("altered: its 1000 bytes have SHA-256", 1),
    "dripping_status": ("no answer within 1 s (timeout)", 1),
    "dripping_header": ("no answer within 1 s (timeout)", 1),
    "dripping_chunk": ("no answer within 1 s (timeout) after 0 bytes", 1),
    "negative_chunk": ("truncated: the connection ended", 2),
    "huge_chunk": ("truncated: the connection ended", 2),
    "redirect_to_file": ("refused: it redirects to file:///etc/hostname, which is not https", 1),
    "redirect_to_data": ("refused: it redirects to data:application/gzip;base64,H4sI, which is not https", 1),
    "redirect_to_nowhere": ("not a usable address or answer", 1),
    "redirect_on_and_on": ("HTTP 302", None),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named_and_leaves_nothing(server, output, fault):
    reason, requests = FAULTS[fault]
    start = time.monotonic()
    with pytest.raises(InputError) as caught:
        fetch_fast([server.address(fault)], output)
    assert time.monotonic() - start < 10  # at most two tries of a second each
    assert f"  {server.address(fault)}: " in str(caught.value)
    assert reason in str(caught.value)
    assert nothing_left(output)
    assert requests is None or len(server.requests) == requests


@pytest.mark.parametrize("fault", FAULTS)
def test_the_next_mirror_is_tried(server, output, fault, capsys):
    fetch_fast([server.address(fault), server.address("good")], output, attempts=1)
    assert output.read_bytes() == CONTENT
    assert list(output.parent.iterdir()) == [output]
    assert f"{server.address(fault)} failed: " in capsys.readouterr().err


@pytest.mark.parametrize("fault", ["bomb", "encoded_bomb", "endless", "long_header", "huge_chunk"])
def test_no_answer_takes_more_memory_than_a_block(server, output, fault):
    """What is not the file is never unpacked, and never held whole."""
    tracemalloc.start()
    try:
        with pytest.raises(InputError):
            fetch_fast([server.address(fault)], output, attempts=1, largest=50_000_000 if fault == "endless" else 10**6)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 5_000_000


@pytest.mark.parametrize(
    "kind",
    [
        "good",
        "mislabelled",
        "redirect_to_good",
        "redirect_with_endless_body",
        "once_unavailable",
        "encoded",
        "promising_more",
        "promising_text",
        "promising_negative",
    ],
)
def test_a_good_answer(server, output, kind):
    fetch_fast([server.address(kind).rstrip("/")], output)
    assert output.read_bytes() == CONTENT


def test_no_credentials_are_sent(server, output, tmp_path, monkeypatch):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    fetch_fast([server.address("nosy")], output)
    assert output.read_bytes() == CONTENT


def test_no_proxy_stands_before_this_machine(server, output, monkeypatch):
    for variable in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(variable, UNREACHABLE)
    fetch_fast([server.address("good")], output)
    assert output.read_bytes() == CONTENT


def test_others_are_reached_through_the_proxy(server, output, monkeypatch):
    """The client asks the proxy for a tunnel; the proxy refuses the unknown method."""
    for variable in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    for variable in ("https_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(variable, f"http://127.0.0.1:{server.server_port}")
    with pytest.raises(InputError, match="501 Unsupported method"):
        fetch_fast(["https://mirror.example/mnist/"], output)


@pytest.fixture
def encrypted(server):
    """The same server over TLS, with a certificate that it signed itself."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(CERTIFICATE)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    return f"https://localhost:{server.server_port}/good/"


def test_a_certificate_that_nobody_vouches_for(encrypted, output):
    with pytest.raises(InputError, match=r"its certificate is not trusted \(self-signed certificate\)"):
        fetch_fast([encrypted], output)
    assert nothing_left(output)


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
def test_a_certificate_that_the_user_vouches_for(encrypted, output, monkeypatch, variable):
    monkeypatch.setenv(variable, str(CERTIFICATE))
    fetch_fast([encrypted], output)
    assert output.read_bytes() == CONTENT


def test_every_failed_mirror_and_both_ways_on_are_named(server, output, tmp_path):
    tried = [server.address("missing"), server.address("page"), str(tmp_path / "no"), UNREACHABLE]
    with pytest.raises(InputError) as caught:
        fetch_fast(tried, output)
    lines = str(caught.value).splitlines()
    assert lines[0].startswith(NAME)
    reasons = ["HTTP 404", "web page", "there is no folder", "the connection failed (Connection refused)"]
    for line, mirror, reason in zip(lines[1:5], tried, reasons, strict=True):
        assert line.startswith(f"  {mirror}: ")
        assert reason in line
    assert "export MNIST_MIRROR=/folder/with/the/four/files " in str(caught.value)
    assert "make demo" in str(caught.value)


def test_a_failed_download_keeps_the_file_of_an_earlier_one(server, output):
    fetch_fast([server.address("good")], output)
    with pytest.raises(InputError):
        fetch_fast([server.address("truncated")], output)
    assert output.read_bytes() == CONTENT


def test_the_mirror_of_the_environment_comes_first(server, output, folder, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(folder))
    fetch_fast([server.address("good")], output)
    assert output.read_bytes() == CONTENT
    assert server.requests == []


def test_after_the_mirror_of_the_environment_come_the_others(server, output, monkeypatch):
    monkeypatch.setenv(VARIABLE, server.address("missing"))
    fetch_fast([server.address("good")], output)
    assert server.requests == ["missing", "good"]


def test_a_failed_mirror_of_the_environment_is_named_as_such(output, monkeypatch):
    monkeypatch.setenv(VARIABLE, "nowhere")
    with pytest.raises(InputError, match=r"nowhere \(from MNIST_MIRROR\): there is no folder"):
        fetch_fast([], output)


def test_folders_and_file_addresses_are_mirrors(output, folder, monkeypatch):
    monkeypatch.chdir(folder.parent)
    for mirror in (str(folder), "a folder", "./a folder/", folder.as_uri(), folder.as_uri() + "/"):
        fetch_fast([mirror], output)
        assert output.read_bytes() == CONTENT
        output.unlink()


@pytest.mark.parametrize(
    ("mirror", "reason"),
    [
        ("ftp://mirror.example/mnist/", "refused: a mirror must be https://"),
        ("file://folder/mnist", "three slashes"),
        ("file:///no/such/folder", "there is no folder /no/such/folder"),
        (".", f"there is no file {NAME}"),
        ("http://127.0.0.1:no-port/", "not a usable address"),
        ("http://[::1/", "not a usable address"),
        ("https:///", "not a usable address"),
        ("file://[::1/", "not a usable address"),
        ("~nobody-of-this-name/mnist", "not a usable address"),
    ],
)
def test_mirrors_that_cannot_be(output, mirror, reason, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError) as caught:
        fetch_fast([mirror], output)
    assert reason in str(caught.value)


def test_an_altered_file_in_a_folder(output, folder):
    (folder / NAME).write_bytes(ALTERED)
    with pytest.raises(InputError, match=f"altered: .* {hashlib.sha256(ALTERED).hexdigest()}, expected {SHA256}"):
        fetch_fast([str(folder)], output)
    assert nothing_left(output)


PLAIN = bytes([0, 0, 8, 1]) + random.Random(1998).randbytes(5_000)
PACKED = gzip.compress(PLAIN, 9, mtime=1)
ANEW = gzip.compress(PLAIN, 1, mtime=2)
LAYOUTS = {
    "published": {NAME: PACKED},
    "unpacked": {"t10k-labels-idx1-ubyte": PLAIN},
    "with a dot": {"t10k-labels.idx1-ubyte": PLAIN},
    "with a dot, packed": {"t10k-labels.idx1-ubyte.gz": PACKED},
    "of torchvision": {f"MNIST/raw/{NAME}": PACKED, "MNIST/raw/t10k-labels-idx1-ubyte": PLAIN},
    "of torchvision, unpacked": {"MNIST/raw/t10k-labels-idx1-ubyte": PLAIN},
    "of torchvision, its MNIST": {"raw/t10k-labels-idx1-ubyte": PLAIN},
    "packed anew": {NAME: ANEW},
    "unpacked under its packed name": {NAME: PLAIN},
    "a wrong one first": {NAME: ALTERED, "t10k-labels.idx1-ubyte": PLAIN},
    "a folder of its name": {"t10k-labels-idx1-ubyte/t10k-labels-idx1-ubyte": PLAIN, "t10k-labels.idx1-ubyte": PLAIN},
}


def folder_with(files, folder):
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def fetch_packed(mirror, output, largest=1_000_000):
    fetch(NAME, hashlib.sha256(PACKED).hexdigest(), [mirror], output, **TWICE | {"timeout": 15, "largest": largest})


@pytest.fixture
def known(monkeypatch):
    monkeypatch.setitem(mirrors.UNPACKED, hashlib.sha256(PACKED).hexdigest(), hashlib.sha256(PLAIN).hexdigest())


@pytest.mark.parametrize("address", [str, Path.as_uri], ids=["path", "address"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_folders_as_people_have_them(layout, address, known, tmp_path, output):
    files = LAYOUTS[layout]
    fetch_packed(address(folder_with(files, tmp_path / "mirror")), output)
    assert gzip.decompress(output.read_bytes()) == PLAIN
    as_published = PACKED in files.values()
    assert output.read_bytes() == (PACKED if as_published else gzip.compress(PLAIN, 6, mtime=0))


@pytest.mark.parametrize(
    "files",
    [
        {"t10k-labels.idx1-ubyte": PLAIN[:-1] + b"."},
        {NAME: gzip.compress(PLAIN + b".")},
        {NAME: PACKED[:-9], "t10k-labels-idx1-ubyte": PLAIN[:-1]},
        {NAME: BOMB},
        {"MNIST/raw/t10k-labels-idx1-ubyte": PAGE},
        {NAME: b""},
    ],
)
def test_wrong_files_in_a_folder_are_named(files, known, tmp_path, output):
    with pytest.raises(InputError) as caught:
        fetch_packed(str(folder_with(files, tmp_path / "mirror")), output)
    for name, content in files.items():
        page = ", a web page" if content == PAGE else ""
        found = f"{name} ({len(content)} bytes{page}) has SHA-256 {hashlib.sha256(content).hexdigest()}"
        assert f"altered: {found}" in str(caught.value)
    packed, plain = (hashlib.sha256(content).hexdigest() for content in (PACKED, PLAIN))
    assert f", expected {packed}, or {plain} unpacked" in str(caught.value)
    assert nothing_left(output)


def test_a_file_in_a_folder_may_not_be_larger_than_any_of_mnist(known, tmp_path, output):
    folder = folder_with({NAME: bytes(101)}, tmp_path / "mirror")
    with pytest.raises(InputError, match=f"{NAME} is too large: more than 100 bytes"):
        fetch_packed(str(folder), output, largest=100)


def test_content_is_not_trusted_where_its_sha256_is_unknown(tmp_path, output):
    with pytest.raises(InputError, match="altered"):
        fetch_packed(str(folder_with({NAME: ANEW}, tmp_path / "mirror")), output)
    told = rf"{NAME.removesuffix('.gz')} is not packed, which is allowed of MNIST's files alone; put {NAME} there"
    with pytest.raises(InputError, match=told):
        fetch_packed(str(folder_with({NAME.removesuffix(".gz"): PLAIN}, tmp_path / "another")), output)


def test_pauses_grow_to_half_a_minute(server, output, monkeypatch):
    slept: list[float] = []
    monkeypatch.setattr(mirrors.time, "sleep", slept.append)
    with pytest.raises(InputError, match="HTTP 503"):
        fetch_fast([server.address("unavailable")], output, attempts=50, pause=1.0)
    assert slept[:6] == [1, 2, 4, 8, 16, 30]
    assert slept[6:] == [30] * 43


def test_mirrors_on_the_web_must_have_the_published_bytes(server, known, output):
    with pytest.raises(InputError, match="altered"):
        fetch_packed(server.address("packed_anew"), output)


def test_the_unpacked_files_are_those_of_the_config():
    assert set(mirrors.UNPACKED) == set(CONFIG["datasets"]["mnist"]["sha256"].values())


def test_a_relative_mirror_of_the_environment_starts_where_snakemake_was_called(folder, output, monkeypatch, tmp_path):
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    monkeypatch.setenv(VARIABLE, folder.name)
    with pytest.raises(InputError, match=f"there is no folder {tmp_path}/project/{folder.name}"):
        fetch_fast([], output)
    monkeypatch.setenv(mirrors.CALLED_FROM, str(tmp_path))
    fetch_fast([], output)
    assert output.read_bytes() == CONTENT


def test_a_relative_mirror_of_the_config_starts_in_the_project(folder, output, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(mirrors.CALLED_FROM, "/")
    fetch_fast([folder.name], output)
    assert output.read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("old", "new", "followed"),
    [
        ("https://a.example/f", "https://b.example/f", True),
        ("https://a.example/f", "http://a.example/f", False),
        ("https://a.example/f", "http://127.0.0.1/f", False),
        ("http://127.0.0.1/f", "http://127.0.0.1/g", True),
        ("http://127.0.0.1/f", "http://a.example/f", False),
        ("http://a.example/f", "http://a.example/g", True),
        ("http://a.example/f", "http://b.example/f", False),
        ("http://a.example/f", "http://127.0.0.1/f", False),
        ("http://a.example/f", "https://b.example/f", True),
        ("https://a.example/f", "ftp://a.example/f", False),
    ],
)
def test_redirects_never_leave_https(old, new, followed):
    assert mirrors.allowed(new, old) == followed


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"name": "../passwd"}, "file name"),
        ({"sha256": "abc"}, "sha256"),
        ({"mirrors": "https://a.example/"}, "mirrors"),
        ({"mirrors": [""]}, "mirrors"),
        ({"mirrors": []}, "there is no mirror"),
        ({"timeout": 0}, "timeout"),
        ({"timeout": float("nan")}, "timeout"),
        ({"attempts": 0}, "attempts"),
    ],
)
def test_wrong_arguments_are_named(output, change, named):
    with pytest.raises(InputError, match=named):
        fetch(**{"name": NAME, "sha256": SHA256, "mirrors": ["here"], "output": output, **TWICE} | change)


def test_progress_says_size_and_speed(server, output, capsys, monkeypatch):
    monkeypatch.setattr(mirrors, "LINE_EVERY", -1.0)
    fetch_fast([server.address("good")], output)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == f"{NAME}: from {server.address('good')}"
    assert "of 0.200 MB, " in lines[1]
    assert lines[1].endswith("MB/s")
    assert lines[-1] == f"{NAME}: 0.200 MB, SHA-256 as expected"


def run_download(sources, output):
    command = [sys.executable, DOWNLOAD, "--file", NAME, "--sha256", SHA256, "--mirrors", json.dumps(sources)]
    environment = {key: value for key, value in os.environ.items() if key != VARIABLE}
    return subprocess.run(
        [*command, "--timeout", "1", "--attempts", "1", "--output", output],
        capture_output=True,
        text=True,
        env=environment,
    )


def test_the_script_downloads(server, output):
    done = run_download([server.address("missing"), server.address("good")], output)
    assert done.returncode == 0, done.stderr
    assert output.read_bytes() == CONTENT


def test_the_script_fails_with_one_message(server, output):
    done = run_download([server.address("missing")], output)
    assert done.returncode == 1
    assert "error: " in done.stderr
    assert "Traceback" not in done.stderr
    assert nothing_left(output)
