"""Snakemake, imported once and then forked for each run, which saves most of the time of a dry run.

A line of standard input names a run as JSON; a line of standard output answers with its exit status and its seconds of
processor time. Runs see nothing of one another, nor of the tests: nothing of this project is imported here.
"""

import atexit
import gc
import importlib
import json
import os
import sys
import tempfile
import threading
from pathlib import Path
from typing import NoReturn

# What `snakemake` imports on its way through any Snakefile.
MODULES = ["cyclopts", "jsonschema", "numpy", "pandas", "referencing", "smart_open", "snakemake.cli", "yaml"]
MODULES += ["snakemake.report.html_reporter", "snakemake.storage"]


def serve() -> None:
    sys.path.pop(0)  # the folder of this file
    for module in MODULES:
        importlib.import_module(module)
    gc.freeze()  # a collection in a fork would write to all of this memory, and so copy it
    for line in sys.stdin:
        child = os.fork()
        if not child:
            become_snakemake(**json.loads(line))
        _, status, used = os.wait4(child, 0)
        print(json.dumps([os.waitstatus_to_exitcode(status), used.ru_utime + used.ru_stime]), flush=True)


def become_snakemake(
    folder: str, arguments: list[str], environment: dict[str, str], output: str, errors: str
) -> NoReturn:
    """Do what `python -m snakemake` does in a folder; it writes to the files `output` and `errors`."""
    for descriptor, file in enumerate((os.devnull, output, errors)):
        os.dup2(os.open(file, os.O_RDWR), descriptor)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    tempfile.tempdir = None
    cli = sys.modules["snakemake.cli"]
    sys.argv = [str(Path(cli.__file__).with_name("__main__.py")), *arguments]
    sys.path[:0] = [folder, *filter(None, environment.get("PYTHONPATH", "").split(os.pathsep))]
    try:
        cli.main(sys.argv[1:])
    except SystemExit as exit:
        leave(exit.code)
    raise AssertionError("it ends with sys.exit")


def leave(code: object) -> NoReturn:
    """Do what Python does at a SystemExit, but for touching, and so copying, every object that it has imported."""
    if not isinstance(code, int | None):
        print(code, file=sys.stderr)
        code = 1
    threading._shutdown()  # waits for threads
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code or 0)


if __name__ == "__main__":
    serve()
