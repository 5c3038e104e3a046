"""Runs ``rnncc`` or ``filecheck`` in a copy of the process behind a socket; see ``warm_server``.

Usage: ``python -I -S warm_client.py SOCKET COMMAND ARGUMENT...``. Standard input and outputs, working directory,
environment and exit status are those of this process. It imports next to nothing: that is its purpose.
"""

import _socket
import marshal
import os
import sys


def main() -> int:
    """Send what is to be done and wait for its exit status."""
    link = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    link.connect(sys.argv[1])
    request = marshal.dumps((sys.argv[2:], os.getcwd(), dict(os.environ)))
    files = b"".join(number.to_bytes(4, sys.byteorder) for number in (0, 1, 2))
    head = len(request).to_bytes(8, "little")
    link.sendmsg([head], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, files)])
    while request:
        request = request[link.send(request) :]
    status = link.recv(1)
    if not status:
        print("the process ended without a status", file=sys.stderr)
        return 125
    return status[0]


sys.exit(main())
