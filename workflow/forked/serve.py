"""A Python process that has imported the libraries of all scripts, and forks itself for each job that ask.py sends.

Importing PyTorch alone takes longer than most jobs. A script's imports from this project happen in its own fork, as in
a process started in the usual way. The fork takes its folder, arguments, environment and descriptors from the order.
"""

import atexit
import ctypes
import gc
import importlib
import json
import os
import runpy
import select
import shutil
import signal
import socket
import sys
import traceback
from pathlib import Path
from typing import Any, NoReturn

LIBRARIES = ["cyclopts", "matplotlib.pyplot", "numba", "pandas", "psutil", "safetensors.torch", "scipy.stats"]
LIBRARIES += ["seaborn", "torch"]
SIGNAL_WHEN_PARENT_ENDS = 1  # PR_SET_PDEATHSIG of prctl(2)
TAKEN = b"\1"
# The inherited reactions to these signals, restored in each job: a shell makes its background processes ignore Ctrl-C.
USUAL = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD)}


def serve(listener: socket.socket) -> dict[str, Any] | None:
    """Fork for each order that comes to a socket, until standard input ends; Snakemake keeps it open.

    Args:
        listener: on which orders wait until everything is imported.

    Returns:
        In each fork the order that it has to carry out; None at the end.
    """
    for library in LIBRARIES:
        importlib.import_module(library)
    gc.freeze()  # a collection in a fork would write to all of this memory, and so copy it
    for number in USUAL:  # a signal to all processes of a terminal is meant for the jobs
        signal.signal(number, signal.SIG_IGN)
    with listener:
        while sys.stdin not in select.select([listener, sys.stdin], [], [])[0]:
            connection, _ = listener.accept()
            with connection:
                if not os.fork():
                    listener.close()
                    return guard(connection)
    return None


def guard(connection: socket.socket) -> dict[str, Any]:
    """Say that an order was taken, fork for it, and wait until the fork ends. Only the fork returns from this function.

    A number received in the meantime is a signal to pass on to the fork. If the connection closes, ask.py was killed,
    and the fork is terminated.
    """
    start, descriptors, _, _ = socket.recv_fds(connection, 8, 4)
    order = json.loads(connection.recv(int.from_bytes(start, "big"), socket.MSG_WAITALL))
    connection.sendall(TAKEN)  # ends this process if ask.py was killed
    for number, usual in USUAL.items():
        signal.signal(number, usual)
    process = os.fork()
    if not process:
        ctypes.CDLL(None).prctl(SIGNAL_WHEN_PARENT_ENDS, signal.SIGTERM)
        return {**order, "descriptors": descriptors}
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    for descriptor in descriptors:
        os.close(descriptor)
    ended = os.pidfd_open(process)
    while ended not in select.select([connection, ended], [], [])[0]:
        number = connection.recv(1)
        os.kill(process, number[0] if number else signal.SIGTERM)
        if not number:
            break
    status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    try:
        connection.sendall(status.to_bytes(4, "big", signed=True))
    finally:
        os._exit(0)


def carry_out(arguments: list[str], environment: dict[str, str], descriptors: list[int]) -> NoReturn:
    """Do what `python` does with these arguments, and exit.

    Args:
        arguments: path of a script, and its own.
        environment: all variables.
        descriptors: of standard input, output and error, and of the folder to work in.
    """
    *standard, folder = descriptors
    for place, descriptor in enumerate(standard):
        os.dup2(descriptor, place)
        os.close(descriptor)
    os.fchdir(folder)
    os.close(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = arguments
    sys.path[0] = str(Path(arguments[0]).absolute().parent)
    status: object = 0
    try:
        runpy.run_path(arguments[0], run_name="__main__")
    except SystemExit as exit:
        status = exit.code or 0
    except BaseException:
        traceback.print_exc()
        status = 1
    if not isinstance(status, int):
        print(status, file=sys.stderr)
        status = 1
    # Python's own shutdown would touch, and so copy, all objects of the libraries, which takes half a second.
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    if order := serve(socket.socket(fileno=int(sys.argv[2]))):
        carry_out(**order)
    shutil.rmtree(Path(sys.argv[1]).parent, ignore_errors=True)
