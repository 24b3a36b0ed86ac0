"""Forking jobs from one process that has imported their libraries, where a run has many jobs on this machine."""

import atexit
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

FEWEST = 6  # jobs; with fewer, importing the libraries costs more than it saves


def fork_jobs(folder: Path) -> None:
    """From now on, `python` in a job is a fork of workflow/forked/serve.py, which ends with this process.

    The first jobs wait for it; otherwise each would import the same libraries. Where it cannot be, jobs are started as
    usual, and only take longer: on systems without process descriptors, or on a full disk.

    Args:
        folder: workflow/forked.
    """
    try:
        os.close(os.pidfd_open(os.getpid()))  # an old container forbids what its system has
        own = tempfile.mkdtemp(prefix="invariance-")  # which nobody else can enter
        atexit.register(shutil.rmtree, own, ignore_errors=True)
        address = f"{own}/socket"
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(address)
        listener.listen(256)
    except (AttributeError, OSError):
        return
    with listener:
        subprocess.Popen(
            [sys.executable, folder / "serve.py", address, str(listener.fileno())],
            pass_fds=[listener.fileno()],
            stdin=subprocess.PIPE,  # it ends when this does
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    path = os.environ["PATH"]
    os.environ |= {"INVARIANCE_FORKED": address, "INVARIANCE_PYTHON": sys.executable, "INVARIANCE_PATH": path}
    os.environ["PATH"] = f"{folder}{os.pathsep}{path}"
