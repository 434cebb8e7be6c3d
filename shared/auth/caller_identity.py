"""The identity of a caller: its pseudonym, and its IP address from X-Forwarded-For of trusted proxies."""

import hashlib
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from shared.config.lists import IpNetworks

UNKNOWN = "unknown"


def pseudonym(*parts: str) -> str:
    """Return 16 hexadecimal digits that identify a caller without revealing its identity."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def client_ip(forwarded_for: str, trusted_proxies: IpNetworks) -> str:
    """Return the address of the client that connected to the outermost trusted proxy; UNKNOWN if it is invalid.

    Each proxy appends the address of its peer. Addresses to the left of the first untrusted one may be forged. An
    IPv6 address is reduced to its /64 network, because a client controls all its addresses.
    """
    if not trusted_proxies:
        return UNKNOWN
    for text in reversed(forwarded_for.split(",")):
        try:
            address = ip_address(text.strip())
        except ValueError:
            return UNKNOWN
        address = getattr(address, "ipv4_mapped", None) or address
        if not any(address in network for network in trusted_proxies):
            return _rate_limit_key(address)
    return UNKNOWN


def _rate_limit_key(address: IPv4Address | IPv6Address) -> str:
    return str(ip_network((address, 64), strict=False) if address.version == 6 else address)
