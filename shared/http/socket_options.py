"""Socket options that protect the threads of a server from idle and stalled clients."""

import contextlib
import itertools
import socket
import struct
from collections.abc import Iterable, Mapping
from typing import Protocol

from shared.config import urls
from shared.errors import SettingsError

IDLE_TIMEOUT_SECONDS = 10
_DEFER_ACCEPT_SECONDS = 120  # longer than the kernel retries the handshake: it then drops the connection


class Listener(Protocol):
    """A listening socket, or gunicorn's wrapper of one."""

    def setsockopt(self, level: int, option: int, value: int | bytes, /) -> None: ...


def bind_address(environ: Mapping[str, str]) -> str:
    """Return BIND_HOST and PORT in the format of gunicorn's `bind`. Raises SettingsError."""
    host = environ.get("BIND_HOST", "").strip() or "0.0.0.0"  # noqa: S104 - a pod listens on its network
    port = environ.get("PORT", "").strip() or "8080"
    unbracketed = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if not (urls.is_ipv6(unbracketed) or urls.is_host_name(host)):
        raise SettingsError("BIND_HOST: expected a host name or an IP address")
    if not urls.is_port(port):
        raise SettingsError("PORT: expected a number from 1 to 65535")
    return f"[{unbracketed}]:{port}" if urls.is_ipv6(unbracketed) else f"{host}:{port}"


def set_socket_options(listeners: Iterable[Listener]) -> None:
    """Accept a connection with its first byte, and close it if a request stalls for IDLE_TIMEOUT_SECONDS.

    Connections inherit the options. gunicorn has no timeout for either, and each connection occupies a thread. Options
    that the kernel lacks are skipped.
    """
    options: list[tuple[int, int, int | bytes]] = [
        (socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", IDLE_TIMEOUT_SECONDS, 0)),
        (socket.IPPROTO_TCP, getattr(socket, "TCP_DEFER_ACCEPT", -1), _DEFER_ACCEPT_SECONDS),
    ]
    for listener, option in itertools.product(listeners, options):
        with contextlib.suppress(OSError):
            listener.setsockopt(*option)
