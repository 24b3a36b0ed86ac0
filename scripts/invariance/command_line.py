"""What the entry scripts share: JSON arguments, progress lines, and errors without tracebacks."""

import argparse
import json
import os
import sys
from collections.abc import Callable
from typing import Any

from invariance.artefacts import InputError


def json_argument(text: str) -> Any:
    """Argparse type of an argument written as JSON, such as --model '{"family": "mlp", "hidden": 800}'."""
    try:
        return json.loads(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not JSON ({error})") from None


def progress(line: str) -> None:
    """Print a line of progress at once, to standard error: the log of the job, or a terminal."""
    print(line, file=sys.stderr, flush=True)


def run(main: Callable[[], None]) -> None:
    """Run an entry script; an InputError becomes one message and exit status 1.

    Also pins what the bytes of figures and PDFs would otherwise take from the clock and the machine.
    """
    os.environ["SOURCE_DATE_EPOCH"] = "0"
    try:
        main()
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(1) from None
