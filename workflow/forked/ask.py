"""Sends a job's script to serve.py, waits for its end, and exits as it did: same output, exit status or signal.

If no server takes it, or the job needs more than one thread, it starts the script in the usual way. It imports little,
because it runs once per job.
"""

import json
import os
import signal
import socket
import sys
from typing import NoReturn


def ask(address: str, python: str, arguments: list[str]) -> NoReturn:
    """Run `python` with these arguments, forked if possible, and exit like it."""
    environment = dict(os.environ)
    environment["PATH"] = environment.pop("INVARIANCE_PATH")
    for name in ("INVARIANCE_FORKED", "INVARIANCE_PYTHON"):
        del environment[name]
    connection = socket.socket(socket.AF_UNIX)
    try:
        if environment["OMP_NUM_THREADS"] != "1":
            raise ConnectionError("the server's libraries are limited to one thread")
        connection.connect(address)
        order = json.dumps({"arguments": arguments, "environment": environment}).encode()
        socket.send_fds(connection, [len(order).to_bytes(8, "big")], [0, 1, 2, os.open(os.curdir, os.O_RDONLY)])
        connection.sendall(order)
        if not connection.recv(1):
            raise ConnectionError("the server ended before it took the order")
    except OSError:
        connection.close()
        os.execve(python, [python, *arguments], environment)
    # Ctrl-C in a terminal reaches the script by itself.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda number, frame: connection.sendall(bytes([number])))
    answer = connection.recv(4)
    if not answer:
        raise SystemExit("error: the process that jobs are forked from has ended; run the same command again")
    status = int.from_bytes(answer, "big", signed=True)
    if status < 0:
        if status != -signal.SIGKILL:  # which no process can catch
            signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    raise SystemExit(status)


if __name__ == "__main__":
    ask(os.environ["INVARIANCE_FORKED"], os.environ["INVARIANCE_PYTHON"], sys.argv[1:])
