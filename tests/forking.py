"""Snakemake, imported once and then forked for each run, which saves most of the time of a dry run.

A line of standard input names a run as JSON; a line of standard output answers with its exit status and its seconds of
processor time. Runs see nothing of one another, nor of the tests: nothing of this project is imported here.
"""

import importlib
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import NoReturn

# What `snakemake` imports on its way through any Snakefile.
MODULES = ["cyclopts", "jsonschema", "numpy", "pandas", "referencing", "smart_open", "snakemake.cli", "yaml"]
MODULES += ["snakemake.report.html_reporter", "snakemake.storage"]


def serve() -> None:
    sys.path.pop(0)  # the folder of this file
    for module in MODULES:
        importlib.import_module(module)
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
    sys.path.insert(0, folder)
    cli.main(sys.argv[1:])
    raise AssertionError("it ends with sys.exit")


if __name__ == "__main__":
    serve()
