"""Parsers of settings that hold comma-separated lists. Each raises ValueError for a list that is empty or invalid."""

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network

from shared.config.urls import NO_SUFFIX, check_url

IpNetworks = Sequence[IPv4Network | IPv6Network]

MIN_API_KEY_LENGTH = 32  # characters: infeasible to brute-force
_DEFAULT_PORTS = (("http://", ":80"), ("https://", ":443"))  # browsers omit them


def comma_separated(text: str) -> list[str]:
    """Split `text` at commas. Strips white space and drops empty elements."""
    return [element for part in text.split(",") if (element := part.strip())]


def api_keys(text: str) -> list[str]:
    """Parse API keys of 32 or more printable ASCII characters."""
    keys = comma_separated(text)
    if not keys or not all(len(key) >= MIN_API_KEY_LENGTH and key.isascii() and key.isprintable() for key in keys):
        raise ValueError(f"expected comma-separated keys of {MIN_API_KEY_LENGTH} or more ASCII characters")
    return keys


def ip_networks(text: str) -> IpNetworks:
    """Parse IPv4 and IPv6 networks in CIDR notation."""
    try:
        networks = tuple(map(ip_network, comma_separated(text)))
    except ValueError:
        networks = ()
    if not networks:
        raise ValueError("expected comma-separated CIDR networks, for example 10.0.0.0/8")
    return networks


def cors_origins(text: str) -> frozenset[str]:
    """Parse origins: scheme, host and port, as browsers send them in the Origin header."""
    origins = comma_separated(text)
    if not origins or not all(map(_is_origin, origins)):
        raise ValueError("expected comma-separated origins, for example https://maps.example:8443")
    return frozenset(origins)


def _is_origin(text: str) -> bool:
    if text != text.lower() or any(text.startswith(scheme) and text.endswith(port) for scheme, port in _DEFAULT_PORTS):
        return False
    try:
        return bool(check_url(text, NO_SUFFIX))
    except ValueError:
        return False
