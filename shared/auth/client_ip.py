"""Which address a request came from, where proxies stand before us."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Networks = Sequence[IPv4Network | IPv6Network]
ANYBODY = "anybody"


def networks(text: str) -> Networks:
    """The networks of a list with commas, or ValueError."""
    found = tuple(ip_network(one.strip()) for one in text.split(",") if one.strip())
    if not found:
        raise ValueError
    return found


def address_of(forwarded_for: str, proxies: Networks) -> str:
    """Who spoke to the outermost of our `proxies`, by X-Forwarded-For; ANYBODY where that can't be told.

    Each proxy adds at the end whom it heard: what stands before the first address that is none of ours, a caller may
    have made up. An IPv6 caller has a whole /64 to ask from, so it is counted by that.
    """
    if not proxies:
        return ANYBODY
    for text in reversed(forwarded_for.split(",")):
        try:
            address = ip_address(text.strip())
        except ValueError:
            return ANYBODY
        address = getattr(address, "ipv4_mapped", None) or address
        if not any(address in network for network in proxies):
            return _counted(address)
    return ANYBODY


def _counted(address: IPv4Address | IPv6Address) -> str:
    return str(ip_network((address, 64), strict=False) if address.version == 6 else address)
