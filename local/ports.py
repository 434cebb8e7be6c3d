"""Ports on 127.0.0.1 for the parts of one stack."""

import socket
from collections.abc import Sequence

# Below the ports that the system hands out for outgoing connections: while a part is down, nobody is given its port.
_FIRST, _LAST = 20_000, 32_000
_BLOCK = 20


def is_free(port: int) -> bool:
    """Whether a server could listen on `port`; connections of an earlier one that are fading out don't matter."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def chosen(names: Sequence[str], port: int) -> dict[str, int]:
    """A free port for each of `names`: the same for the same public `port`, others for another, unless taken."""
    start = _FIRST + port * _BLOCK % (_LAST - _FIRST)
    candidates = [*range(start, _LAST), *range(_FIRST, start)]
    free = (candidate for candidate in candidates if candidate != port and is_free(candidate))
    return {name: next(free) for name in names}


def unused() -> int:
    """Any free port, for a public one that nobody asked for."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
