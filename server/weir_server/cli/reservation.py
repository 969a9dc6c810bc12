"""Whose is the port while workers come and go? Their supervisor's, which never listens on it.

A socket that is bound and does not listen takes no connection, but nobody else gets its port. With
port 0 it also settles which port it is, once for all workers.
"""

import errno
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from weir_server.cli.exit_codes import ExitCode
from weir_server.cli.failures import CommandError

_TRIES = 8
"""A free port of one address may be taken on the other that the name has."""
_NOT_HERE = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})


@contextmanager
def reserved(listen: str) -> Iterator[str]:
    """Hold the port of `host:port` until the block ends; give the address with the real port.

    Raises CommandError where another program holds it, or it is no address of this machine.
    """
    host, _, wanted = listen.rpartition(":")
    port = int(wanted)
    with ExitStack() as stack:
        try:
            sockets = _bound_to_one_port(host.strip("[]"), port)
        except OSError as failure:
            why = os.strerror(failure.errno) if failure.errno and failure.errno > 0 else failure
            raise CommandError(
                f"cannot listen on {listen} ({why}): another program may hold the port, or the "
                "address is not this machine's; choose another with server.listen or --listen.",
                ExitCode.CANNOT_LISTEN,
            ) from failure
        for each in sockets:
            stack.enter_context(each)
        yield f"{host}:{sockets[0].getsockname()[1]}"


def _bound_to_one_port(host: str, port: int) -> list[socket.socket]:
    for _ in range(_TRIES - 1):
        try:
            return _bound(host, port)
        except OSError as failure:
            if port or failure.errno != errno.EADDRINUSE:
                raise
    return _bound(host, port)


def _bound(host: str, port: int) -> list[socket.socket]:
    """Bind every address of a name, to one port. Raises OSError, and then none is bound."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    with ExitStack() as stack:
        sockets: list[socket.socket] = []
        absent: OSError | None = None
        for family, kind, protocol, _, address in found:
            try:
                sockets.append(stack.enter_context(socket.socket(family, kind, protocol)))
                _bind(sockets[-1], (address[0], port, *address[2:]))
            except OSError as failure:
                if failure.errno not in _NOT_HERE:
                    raise
                absent = failure
                continue
            port = sockets[-1].getsockname()[1]
        bound = [each for each in sockets if each.getsockname()[1]]
        if not bound:
            raise absent or OSError(errno.EADDRNOTAVAIL, "no address")
        stack.pop_all()
    return bound


def _bind(one: socket.socket, address: tuple[object, ...]) -> None:
    # While it is bound nobody may be there, not another supervisor's workers either; connections
    # of an earlier server that the system still remembers do not matter. From then on workers of
    # the same user may join, and nobody may come because of such memories.
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    one.bind(address)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
