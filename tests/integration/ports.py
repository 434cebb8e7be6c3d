"""Ports on 127.0.0.1 for servers of the tests, without races between concurrent test processes.

The kernel can assign a closed ephemeral port to another process before a server binds it.
These ports are below the ephemeral range, and each test process uses a separate share of them.
"""

import itertools
import socket
from collections.abc import Iterator
from functools import cache

from local.ports import is_free

_FIRST, _LAST = 10_000, 20_000
_STACKS = 600  # public ports that are equal modulo this number give two stacks the same internal ports
_SHARE = 25  # of each 600 ports, for one process


def free_port() -> int:
    """Return a port that is free, and that no other test process picks."""
    return next(port for port in _share() if is_free(port))


@cache
def _share() -> Iterator[int]:
    """Cycle through the ports of this process.

    A listening socket on the first port of a share reserves it, for as long as the process lives.
    """
    for first in range(_FIRST, _FIRST + _STACKS, _SHARE):
        reservation = socket.socket()
        try:
            reservation.bind(("127.0.0.1", first))
            reservation.listen()
        except OSError:
            reservation.close()
            continue
        _reservations.append(reservation)
        ports = [port for port in range(_FIRST, _LAST) if first <= _FIRST + (port - _FIRST) % _STACKS < first + _SHARE]
        return itertools.cycle(ports)
    raise RuntimeError(f"more than {_STACKS // _SHARE} test processes run on this machine at once")


_reservations: list[socket.socket] = []
