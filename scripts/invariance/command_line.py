"""What all scripts share: a command line made from a signature, progress lines, errors without tracebacks."""

import contextlib
import errno
import importlib
import inspect
import json
import os
import re
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from types import FrameType, ModuleType
from typing import Annotated, Any, NoReturn

import psutil
from cyclopts import App, CycloptsError, Parameter

from invariance.record.artefacts import InputError

ROOM = "make room, then run the same command again: what is finished stays"
RIGHTS = "let this user write there, or work in another folder"
# What to do about errors of the system that the user can fix.
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


def converted(convert: Callable[[str], Any]) -> Parameter:
    """A parameter of one word; `convert` maps its text to the value, or raises ValueError that says what is allowed."""
    return Parameter(converter=lambda _, tokens: convert(tokens[0].value), n_tokens=1, accepts_keys=False)


def json_value(text: str) -> Any:
    """Parse JSON; `-` stands for what standard input holds, as Linux limits a word of a command line to 128 KiB."""
    text = sys.stdin.read() if text == "-" else text
    try:
        return json.loads(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is not JSON ({error})") from None


WORDS = {
    int: "a whole number, 0 or more",
    float: "a number, 0 or more",
    str: "text",
    dict: "a mapping",
}


def json_mapping(**kinds: type) -> Parameter:
    """A parameter that is a JSON mapping with at least these keys, and values of these kinds."""

    def parse(text: str) -> dict[str, Any]:
        value = json_value(text)
        if not isinstance(value, dict):
            raise ValueError(f"{text!r} is no mapping; allowed: one with {', '.join(kinds) or 'names'}")
        for key, kind in kinds.items():
            if key not in value:
                raise ValueError(f"{key}: missing; allowed: {WORDS[kind]}")
            if not is_of_kind(value[key], kind):
                raise ValueError(f"{key}: {json.dumps(value[key])}; allowed: {WORDS[kind]}")
        return value

    return converted(parse)


def is_of_kind(value: Any, kind: type) -> bool:
    """Whether a JSON value is of a kind in WORDS."""
    if kind in (int, float):
        return type(value) in (int, kind) and value >= 0
    return isinstance(value, kind)


def natural(text: str) -> int:
    """Parse a whole number of 32 bits, 0 or more, such as a seed."""
    if not (text.isdecimal() and text.isascii() and int(text) < 2**32):
        raise ValueError(f"{text!r}; allowed: a whole number, at least 0, at most {2**32 - 1}")
    return int(text)


def module_named(name: str) -> ModuleType | None:
    """Import a module of ours, below `studies` or `invariance`; None if there is none of that name."""
    try:
        return importlib.import_module(name) if name.startswith(("studies.", "invariance.")) else None
    except ModuleNotFoundError as error:
        if not f"{name}.".startswith(f"{error.name}."):
            raise  # the module exists, and what it imports does not
        return None


def function_named(text: str) -> Callable[..., Any]:
    """The function that a text names, such as studies.split.summary:variance; raises InputError if there is none."""
    module, _, name = text.partition(":")
    function = getattr(module_named(module), name, None)
    if not callable(function):
        raise InputError(f"{text!r} names no function; allowed: <module>:<function>, as studies.split.summary:variance")
    return function


def called(function: Callable[..., Any], arguments: Mapping[str, Any]) -> Any:
    """Call a function with arguments from the command line; raises InputError if it takes other arguments."""
    signature = inspect.signature(function)
    try:
        signature.bind(**arguments)
    except TypeError as error:
        takes = ", ".join(signature.parameters)
        raise InputError(f"{function.__module__}:{function.__name__}: {error}; it takes {takes}") from None
    return function(**arguments)


Json = Annotated[Any, converted(json_value)]
Natural = Annotated[int, converted(natural)]
Function = Annotated[Callable[..., Any], converted(function_named)]


def progress(line: str) -> None:
    """Print a line at once to standard error, the log of the job or a terminal, after what was printed before it."""
    sys.stdout.flush()  # in a log, both streams are one file
    print(line, file=sys.stderr, flush=True)


@contextlib.contextmanager
def counted() -> Iterator[None]:
    """Count the block's CPU time as the job's work: distorting, training or evaluating, not starting up."""
    before = time.process_time()
    try:
        yield
    finally:
        IN_THE_LOOP.append(time.process_time() - before)


def since_start() -> float:
    """Seconds since this process was started.

    `create_time` counts from the start of the system, which Linux tells in whole seconds.
    """
    started = psutil.Process().create_time()
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME) - (started - psutil.boot_time())
    return time.time() - started


def used() -> str:
    """What this process and its finished children used, as the last line of a job's log."""
    seconds = since_start()
    own, others = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = own.ru_utime + own.ru_stime + others.ru_utime + others.ru_stime
    memory = max(own.ru_maxrss, others.ru_maxrss) / 1024
    return (
        f"used {cpu:.2f} s of CPU, {sum(IN_THE_LOOP):.2f} s of them in the loop, "
        f"{seconds:.2f} s by the clock, {memory:.0f} MB at most"
    )


def run(main: Callable[..., None]) -> None:
    """Run a script, whose command line is the signature of `main`.

    Errors that the user can fix become one message: exit status 2 for a wrong command line, 1 for an InputError or if
    the system refuses disk space, permission or memory, 130 for Ctrl-C. Bugs keep their traceback. Also fixes the time
    that figures and PDFs would otherwise take from the clock.
    """
    os.environ["SOURCE_DATE_EPOCH"] = "0"
    end_with(os.environ.get(SNAKEMAKE))
    try:
        with orderly_termination():
            command_line(main)(exit_on_error=False, print_error=False)
        if SNAKEMAKE in os.environ:
            progress(used())
        return
    except CycloptsError as error:
        status, message = 2, f"error: {error} (--help says what this command takes)"
    except InputError as error:
        status, message = 1, f"error: {error}"
    except KeyboardInterrupt:
        status, message = 128 + signal.SIGINT, "interrupted"
    except Exception as error:
        refused = refusal(error)
        if refused is None:
            raise
        status, message = 1, f"error: {refused}"
    progress(message)
    raise SystemExit(status)


def command_line(main: Callable[..., None]) -> App:
    """The command line of a script: a list takes all words up to the next option, and switches have no --no- form."""
    app = App(
        help=sys.modules[main.__module__].__doc__,
        help_format="plaintext",
        version_flags=[],
        default_parameter=Parameter(consume_multiple=True, negative=()),
        result_action="return_value",
        suppress_keyboard_interrupt=False,
    )
    app.default(main)
    return app


@contextlib.contextmanager
def orderly_termination() -> Iterator[None]:
    """In the block, SIGTERM ends the process like an error, so that half-written files are removed."""

    def leave(number: int, frame: FrameType | None) -> NoReturn:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def end_with(process: str | None) -> None:
    """Exit when the Snakemake that started this job, process number `process`, dies.

    A killed Snakemake leaves its jobs running; the next run would start them a second time.
    """
    if process:
        threading.Thread(target=wait_for_end, args=[int(process)], daemon=True).start()


def wait_for_end(process: int) -> None:
    while psutil.pid_exists(process):
        time.sleep(0.5)
    progress(f"the Snakemake that started this job (process {process}) has ended: leaving")
    os.kill(os.getpid(), signal.SIGTERM)


def refusal(error: Exception) -> str | None:
    """What the system refused: the file, if known, the reason, and what to do; None for a bug of ours."""
    number = error_number(error)
    if number not in ADVICE:
        return None
    # `whole_file` adds a note with the output's path: the error may name no file, or a temporary one.
    notes = getattr(error, "__notes__", [])
    file = notes[0] if notes else getattr(error, "filename2", None) or getattr(error, "filename", None)
    where = f"{file}: " if file and number != errno.ENOMEM else ""
    return f"{where}{os.strerror(number)}; {ADVICE[number]}"


def error_number(error: Exception) -> int | None:
    """The system's error number; some libraries give it only in the text."""
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
