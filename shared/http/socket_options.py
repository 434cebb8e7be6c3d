"""What the kernel keeps from a server's threads: clients that connect and say nothing, or stop midway."""

import contextlib
import itertools
import socket
import struct
from collections.abc import Iterable, Mapping
from typing import Protocol

from shared.config import urls
from shared.errors import SettingsError

SILENT_SECONDS = 10
_UNTIL_GIVEN_UP = 120  # longer than the kernel repeats its own part of the handshake: then it drops the connection


class Listener(Protocol):
    """A listening socket, or gunicorn's wrapper of one."""

    def setsockopt(self, level: int, option: int, value: int | bytes, /) -> None: ...


def address(environ: Mapping[str, str]) -> str:
    """BIND_HOST and PORT as gunicorn's `bind` takes them, or SettingsError."""
    host = environ.get("BIND_HOST", "").strip() or "0.0.0.0"  # noqa: S104 - a pod's port is for the pod's network
    port = environ.get("PORT", "").strip() or "8080"
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if not (urls.is_ipv6(bare) or urls.is_host_name(host)):
        raise SettingsError("BIND_HOST: a host name or an address is expected")
    if not urls.is_port(port):
        raise SettingsError("PORT: a number from 1 to 65535 is expected")
    return f"[{bare}]:{port}" if urls.is_ipv6(bare) else f"{host}:{port}"


def guard(listeners: Iterable[Listener]) -> None:
    """A connection is accepted with its first byte, and cut when a request stops for SILENT_SECONDS.

    Each connection inherits it. gunicorn has no bound for either, and a thread waits for each. Where the kernel has
    no such option, it is served without.
    """
    options: list[tuple[int, int, int | bytes]] = [
        (socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", SILENT_SECONDS, 0)),
        (socket.IPPROTO_TCP, getattr(socket, "TCP_DEFER_ACCEPT", -1), _UNTIL_GIVEN_UP),
    ]
    for listener, option in itertools.product(listeners, options):
        with contextlib.suppress(OSError):
            listener.setsockopt(*option)
