"""What the name or address of a host says: this machine, a bare address, the same site."""

from __future__ import annotations

import re
from ipaddress import IPv6Address, ip_address
from urllib.parse import urlsplit

import idna

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
DEFAULT_PORTS = {"http": 80, "https": 443}
HOST = re.compile(r"[a-z0-9._-]+|\[[0-9a-f:.]+\]")


def read_origin(url: str) -> str:
    """The URL's scheme, host and port, spelled as browsers send them (RFC 6454 §6.2).

    Raises ValueError for what no browser sends: a user name, another scheme, an impossible host.
    """
    parts = urlsplit(url)
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname or "@" in parts.netloc:
        raise ValueError("no origin")
    port = "" if parts.port in {None, DEFAULT_PORTS[parts.scheme]} else f":{parts.port}"
    return f"{parts.scheme}://{read_host(parts.hostname)}{port}"


def read_host(host: str) -> str:
    """The host in lower case and ASCII, an IPv6 address in brackets. Raises ValueError."""
    if is_address(host):
        address = ip_address(host)
        written = f"[{address}]" if isinstance(address, IPv6Address) else host
    else:
        written = host.lower() if host.isascii() else idna.encode(host, uts46=True).decode()
    if not HOST.fullmatch(written):
        raise ValueError("no host")
    return written


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


def may_set_cookies_for(host: str, domain: str) -> bool:
    """Whether browsers take a cookie for `domain` from `host` (RFC 6265 §5.3): for the host itself,
    and for a parent that one party owns.
    """
    if host == domain:
        return True
    return host.endswith(f".{domain}") and f".{domain}".endswith(f".{site_of(host)}")
