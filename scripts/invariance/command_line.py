"""What the entry scripts share: JSON arguments, progress lines, and errors without tracebacks."""

import argparse
import contextlib
import errno
import json
import os
import re
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, NoReturn

import psutil

from invariance.record.artefacts import InputError

ROOM = "make room, then run the same command again: what is finished stays"
RIGHTS = "let this user write there, or work in another folder"
# What the system may refuse, and the user can mend.
ADVICE = {
    errno.ENOSPC: ROOM,
    errno.EDQUOT: ROOM,
    errno.EFBIG: "raise the limit on the size of files (`ulimit -f`), or use another disk",
    errno.EROFS: RIGHTS,
    errno.EACCES: RIGHTS,
    errno.EPERM: RIGHTS,
    errno.EISDIR: "name a file, not a folder",
    errno.ENOTDIR: "a part of this path is a file; name another one",
    errno.EEXIST: "a part of this path is a file; name another one",
    errno.EIO: "the disk may be damaged: see the system's log",
    errno.ENOMEM: "run fewer jobs at once (a smaller --cores), or close other programs",
}

SNAKEMAKE = "INVARIANCE_SNAKEMAKE_PID"  # of the Snakemake that started this job; workflow/common.smk sets it
IN_THE_LOOP: list[float] = []  # CPU seconds of each block that was `counted`


def json_argument(text: str) -> Any:
    """Argparse type of an argument written as JSON, such as --model '{"family": "mlp", "hidden": 800}'."""
    try:
        return json.loads(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not JSON ({error})") from None


WORDS = {
    int: "a whole number, 0 or more",
    float: "a number, 0 or more",
    str: "text",
    dict: "a mapping",
}


def json_mapping(**kinds: type) -> Callable[[str], dict[str, Any]]:
    """Argparse type of a JSON mapping that holds, among others, these keys with values of these kinds."""

    def parse(text: str) -> dict[str, Any]:
        value = json_argument(text)
        if not isinstance(value, dict):
            raise argparse.ArgumentTypeError(f"{text!r} is no mapping; allowed: one with {', '.join(kinds) or 'names'}")
        for key, kind in kinds.items():
            if key not in value:
                raise argparse.ArgumentTypeError(f"{key}: missing; allowed: {WORDS[kind]}")
            if not is_of_kind(value[key], kind):
                raise argparse.ArgumentTypeError(f"{key}: {json.dumps(value[key])}; allowed: {WORDS[kind]}")
        return value

    return parse


def is_of_kind(value: Any, kind: type) -> bool:
    """Whether a value of JSON is of a kind in WORDS."""
    if kind in (int, float):
        return type(value) in (int, kind) and value >= 0
    return isinstance(value, kind)


def natural(text: str) -> int:
    """Argparse type of a whole number that is not negative and fits into 32 bits, such as a seed."""
    if not (text.isdecimal() and text.isascii() and int(text) < 2**32):
        raise argparse.ArgumentTypeError(f"{text!r}; allowed: a whole number, at least 0, at most {2**32 - 1}")
    return int(text)


def progress(line: str) -> None:
    """Print a line of progress at once, to standard error: the log of the job, or a terminal."""
    print(line, file=sys.stderr, flush=True)


@contextlib.contextmanager
def counted() -> Iterator[None]:
    """Count the block's CPU time as what the job is for: distorting, training or evaluating, not starting up."""
    before = time.process_time()
    try:
        yield
    finally:
        IN_THE_LOOP.append(time.process_time() - before)


def used() -> str:
    """What this process and those that it waited for used, as the last line of a job's log."""
    seconds = time.time() - psutil.Process().create_time()
    own, others = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = own.ru_utime + own.ru_stime + others.ru_utime + others.ru_stime
    memory = max(own.ru_maxrss, others.ru_maxrss) / 1024
    return (
        f"used {cpu:.2f} s of CPU, {sum(IN_THE_LOOP):.2f} s of them in the loop, "
        f"{seconds:.2f} s by the clock, {memory:.0f} MB at most"
    )


def run(main: Callable[[], None]) -> None:
    """Run an entry script; what the user can mend becomes one message and exit status 1, Ctrl-C exit status 130.

    That is an InputError, or the system's refusal of disk space, permission or memory. An error of ours keeps its
    traceback. Also pins what the bytes of figures and PDFs would otherwise take from the clock and the machine.
    """
    os.environ["SOURCE_DATE_EPOCH"] = "0"
    end_with(os.environ.get(SNAKEMAKE))
    try:
        with orderly_termination():
            main()
        if SNAKEMAKE in os.environ:
            progress(used())
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        raise SystemExit(128 + signal.SIGINT) from None
    except Exception as error:
        refused = refusal(error)
        if refused is None:
            raise
        print(f"error: {refused}", file=sys.stderr)
        raise SystemExit(1) from None


@contextlib.contextmanager
def orderly_termination() -> Iterator[None]:
    """Within the block, a request to terminate ends the process as an error would: half-written files are removed."""

    def leave(number: int, frame: FrameType | None) -> NoReturn:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def end_with(process: str | None) -> None:
    """Have this process terminate when `process`, the number of the Snakemake that started it, is no more.

    A killed Snakemake leaves its jobs running; the next run would start them a second time.
    """
    if process:
        threading.Thread(target=wait_for_end, args=[int(process)], daemon=True).start()


def wait_for_end(process: int) -> None:
    while alive(process):
        time.sleep(0.5)
    progress(f"the Snakemake that started this job (process {process}) is no more: leaving")
    os.kill(os.getpid(), signal.SIGTERM)


def alive(process: int) -> bool:
    """Whether there is a process of that number."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def refusal(error: Exception) -> str | None:
    """What the system refused: the file, if it is known, the reason, and what to do. None: it is an error of ours."""
    number = error_number(error)
    if number not in ADVICE:
        return None
    # `whole_file` notes what was being written: the system's error may name no file, or a temporary one.
    notes = getattr(error, "__notes__", [])
    file = notes[0] if notes else getattr(error, "filename2", None) or getattr(error, "filename", None)
    where = f"{file}: " if file and number != errno.ENOMEM else ""
    return f"{where}{os.strerror(number)}; {ADVICE[number]}"


def error_number(error: Exception) -> int | None:
    """The system's number for an error, which some libraries wrap in a text."""
    if isinstance(error, MemoryError) or re.search(r"can't allocate memory|CUDA out of memory", str(error)):
        return errno.ENOMEM
    if isinstance(error, OSError) and error.errno:
        return error.errno
    if isinstance(error, OSError) and re.search(r"\d+ requested and \d+ written", str(error)):  # numpy.save
        limited = resource.getrlimit(resource.RLIMIT_FSIZE)[0] != resource.RLIM_INFINITY
        return errno.EFBIG if limited else errno.ENOSPC
    if wrapped := re.search(r"\(os error (\d+)\)", str(error)):  # safetensors
        return int(wrapped[1])
    return None
