"""Who is calling, seen from the network: address, network, user agent, request id."""

from __future__ import annotations

import ipaddress
import random
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from starlette.requests import HTTPConnection

from keywright.core.log import get_logger
from keywright.core.settings import UNIX_SOCKET
from keywright.core.web.headers import has_header, header

if TYPE_CHECKING:
    from keywright.core.settings import Settings

NO_ADDRESS = "unknown"  # who comes by a Unix socket
ADDRESS_AND_PORT = re.compile(r"\[(?P<ipv6>[^\]]*)\](?::\d+)?|(?P<ipv4>[\d.]+):\d+")
FORWARDING_HEADERS = (b"x-forwarded-for", b"forwarded", b"x-real-ip", b"cf-connecting-ip")
USER_AGENT_LENGTH = 300
ADDRESSES = 4096  # whose reading is remembered: most requests come from few
log = get_logger("keywright.web")
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Caller:
    """`network` is what limits count by; None where the address cannot be known."""

    ip: str
    network: str | None
    user_agent: str
    request_id: str


def resolve_caller(request: HTTPConnection, settings: Settings) -> Caller:
    peer = address_of_peer(request)
    ip = resolve_ip(request, settings)
    hidden = behind_unknown_proxy(request, peer, settings.trusted_proxies)
    if hidden:
        tell_of_unknown_proxy(peer)
    return Caller(
        ip=ip,
        network=None if hidden else network_of(ip),
        user_agent=(header(request, b"user-agent") or "")[:USER_AGENT_LENGTH],
        request_id=request_id_of(request),
    )


def resolve_ip(request: HTTPConnection, settings: Settings) -> str:
    return client_address(request, address_of_peer(request), settings.trusted_proxies)


def address_of_peer(request: HTTPConnection) -> str:
    client = request.scope.get("client")
    return unmapped(client[0]) if client else NO_ADDRESS


def comes_by_unix_socket(request: HTTPConnection) -> bool:
    """Only there a server has no address to name."""
    return request.scope.get("client") is None


def request_id_of(request: HTTPConnection) -> str:
    state = request.scope.setdefault("state", {})
    if "keywright_request_id" not in state:
        state["keywright_request_id"] = new_request_id()
    request_id: str = state["keywright_request_id"]
    return request_id


def new_request_id() -> str:
    """A name for one request among the lines of a log, and no secret."""
    return f"req_{random.getrandbits(96):024x}"


def client_address(request: HTTPConnection, peer: str, trusted_proxies: tuple[str, ...]) -> str:
    """The rightmost forwarded address that is not a trusted proxy; else the peer itself."""
    if not has_header(request, b"x-forwarded-for") or not is_trusted(
        request, peer, trusted_proxies
    ):
        return peer
    for address in reversed(forwarded_for(request)):
        bare = unmapped(without_port(address))
        if not is_address(bare):
            return peer
        if not is_listed(bare, trusted_proxies):
            return bare
    return peer


def forwarded_for(request: HTTPConnection) -> list[str]:
    """All the addresses that X-Forwarded-For names, however many of these headers there are."""
    values = [value for name, value in request.scope["headers"] if name == b"x-forwarded-for"]
    parts = b",".join(values).decode("latin-1").split(",")
    return [address for part in parts if (address := part.strip())]


def behind_unknown_proxy(
    request: HTTPConnection, peer: str, trusted_proxies: tuple[str, ...]
) -> bool:
    """Whether a proxy that no setting names stands between: limits by address would then count
    everybody as one, so they are suspended (security.md, "Browser").
    """
    if not any(has_header(request, name) for name in FORWARDING_HEADERS):
        return False
    if comes_by_unix_socket(request):
        return UNIX_SOCKET not in trusted_proxies
    return not trusted_proxies and is_address(peer) and ipaddress.ip_address(peer).is_private


def is_trusted(request: HTTPConnection, peer: str, trusted_proxies: tuple[str, ...]) -> bool:
    if comes_by_unix_socket(request):
        return UNIX_SOCKET in trusted_proxies
    return is_listed(peer, trusted_proxies)


@lru_cache(maxsize=64)
def tell_of_unknown_proxy(peer: str) -> None:
    """Once for each."""
    name = UNIX_SOCKET if peer == NO_ADDRESS else peer
    log.warning(
        "proxy_unknown",
        peer=peer,
        effect="limits by network address are suspended for it",
        advice=f"if it is your reverse proxy, set KEYWRIGHT_TRUSTED_PROXIES={name}",
    )


@lru_cache(maxsize=ADDRESSES)
def network_of(ip: str) -> str:
    """An IPv4 address counts by itself, IPv6 by its /64."""
    if not is_address(ip):
        return ip
    address = ipaddress.ip_address(ip)
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((int(address), 64), strict=False))
    return ip


def without_port(address: str) -> str:
    """Some proxies write `192.0.2.1:5000` and `[2001:db8::1]:5000`."""
    found = ADDRESS_AND_PORT.fullmatch(address)
    return found["ipv6"] or found["ipv4"] or "" if found else address


@lru_cache(maxsize=ADDRESSES)
def unmapped(ip: str) -> str:
    """An IPv4 address as itself, also where a socket for both kinds writes `::ffff:192.0.2.1`."""
    address = ipaddress.ip_address(ip) if is_address(ip) else None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or ip)


@lru_cache(maxsize=ADDRESSES)
def is_address(value: str) -> bool:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return False
    return True


@lru_cache(maxsize=ADDRESSES)
def is_listed(ip: str, networks: tuple[str, ...]) -> bool:
    return is_within(ip, parse_networks(networks))


def is_within(ip: str, networks: tuple[Network, ...]) -> bool:
    if not networks or not is_address(ip):
        return False
    address = ipaddress.ip_address(ip)
    return any(address in network for network in networks)


@lru_cache(maxsize=64)
def parse_networks(networks: tuple[str, ...]) -> tuple[Network, ...]:
    return tuple(
        ipaddress.ip_network(network, strict=False)
        for network in networks
        if network != UNIX_SOCKET
    )
