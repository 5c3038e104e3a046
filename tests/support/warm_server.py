"""A process that has imported all of rnncc and forks for each command: what lit runs need not import it again.

Each command runs in a process of its own, as it would after ``python -m rnncc``, with the client's standard files,
working directory and environment.
"""

from __future__ import annotations

import atexit
import importlib
import marshal
import os
import pkgutil
import signal
import socket
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

COMMANDS = {"filecheck": "filecheck.main", "rnncc": "rnncc.__main__"}
"""The modules whose ``main`` they are."""
VARIABLE = "RNNCC_WARM"
"""Environment variable that tells lit's configuration where the socket is."""


@contextmanager
def warm_server() -> Iterator[str]:
    """A server; gives the path of its socket."""
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as door:
        path = f"{folder}/s"
        door.bind(path)
        door.listen(16)
        command = [sys.executable, __file__, str(door.fileno())]
        with subprocess.Popen(command, pass_fds=[door.fileno()]) as server:
            try:
                yield path
            finally:
                server.terminate()


def main() -> None:
    """Serve the socket whose file number is the first argument until terminated."""
    door = socket.socket(fileno=int(sys.argv[1]))
    _import_all()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        link, _ = door.accept()
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            door.close()
            _serve(link)
        link.close()


def _import_all() -> None:
    # The installed packages only: Python put the folder of this file first.
    sys.path.pop(0)
    for name in COMMANDS.values():
        importlib.import_module(name)
    import rnncc

    for found in pkgutil.walk_packages(rnncc.__path__, "rnncc."):
        if "onnx_backend" not in found.name:
            importlib.import_module(found.name)


def _serve(link: socket.socket) -> None:
    """Run one command; does not return."""
    head, files, _, _ = socket.recv_fds(link, 8, 3)
    for number, given in enumerate(files):
        os.dup2(given, number)
        os.close(given)
    left, request = int.from_bytes(head, "little"), b""
    while len(request) < left:
        request += link.recv(left - len(request))
    (command, *arguments), folder, environment = marshal.loads(request)
    # As at Python's start: the old ones know what kind of file the server's are.
    sys.stdin, sys.stdout = os.fdopen(0), os.fdopen(1, "w")
    sys.stderr = os.fdopen(2, "w", buffering=1, errors="backslashreplace")
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = [command, *arguments]
    link.send(bytes([_status(command)]))
    os._exit(0)


def _status(command: str) -> int:
    """Run a command's entry point, as Python would end it."""
    status = 0
    try:
        sys.exit(importlib.import_module(COMMANDS[command]).main())
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
        status = 1
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:
            status = 120
    return status


if __name__ == "__main__":
    main()
