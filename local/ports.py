"""TCP ports on 127.0.0.1 for the components of one stack."""

import socket
from collections.abc import Sequence

# Below the kernel's ephemeral ports: no outgoing connection takes a component's port while it restarts.
_FIRST, _LAST = 20_000, 32_000
_PORTS_PER_STACK = 20


def is_free(port: int) -> bool:
    """Return whether a server can listen on `port`; connections in TIME_WAIT do not matter."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def assign_ports(names: Sequence[str], public_port: int) -> dict[str, int]:
    """Return a free port for each of `names`, derived from the public port so that restarts reuse them."""
    start = _FIRST + public_port * _PORTS_PER_STACK % (_LAST - _FIRST)
    candidates = [*range(start, _LAST), *range(_FIRST, start)]
    free = (candidate for candidate in candidates if candidate != public_port and is_free(candidate))
    return {name: next(free) for name in names}


def find_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
