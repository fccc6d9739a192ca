"""What the name or address of a host says: this machine, a bare address, the same site."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


def is_loopback(host: str) -> bool:
    if host.lower() in LOOPBACK_NAMES:
        return True
    return is_address(host) and ip_address(host).is_loopback


def is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def is_same_site(origin: str, other: str) -> bool:
    """Whether browsers send `SameSite` cookies from one to the other (HTML §7.1.1, schemeful).

    This machine's names count as one: development is reached by any of them.
    """
    one, two = urlsplit(origin), urlsplit(other)
    hosts = (one.hostname or "", two.hostname or "")
    if all(map(is_loopback, hosts)):
        return True
    return one.scheme == two.scheme and site_of(hosts[0]) == site_of(hosts[1])


def site_of(host: str) -> str:
    """The registrable domain; an address, or a name without one, is a site of its own."""
    if is_address(host):
        return host
    from publicsuffixlist import PublicSuffixList  # 16,000 lines, read where they are asked for

    return PublicSuffixList().privatesuffix(host) or host
