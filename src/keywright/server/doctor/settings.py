"""Settings that Keywright refuses, and those that it accepts but nobody should want."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from ipaddress import ip_network

from keywright.core.data_dir import is_there, refuse_unusable_data_dir
from keywright.core.errors import ConfigurationError
from keywright.core.settings import UNIX_SOCKET, Settings
from keywright.core.unsafe_settings import refuse_unsafe, refuse_weak_secret
from keywright.server.doctor.findings import Finding, ok, problem, warning

PART = "settings"
SAFE_MEMORY_KIB, SAFE_TIME_COST, SAFE_SCORE = 19_456, 2, 2  # security.md, "Passwords"
SAFE_ACCESS_TOKEN_TTL = 900
SAFE_DELETION_GRACE = 3 * 86_400  # a weekend
WIDEST_PROXY_NETWORK = 8  # bits of prefix: anything wider is most of the Internet
OTHERS = stat.S_IRWXG | stat.S_IRWXO


def examine_settings(settings: Settings) -> Iterator[Finding]:
    for findings in (
        examine_refusals(settings),
        examine_environment(settings),
        examine_verification(settings),
        examine_limits(settings),
        examine_proxies(settings),
        examine_strength(settings),
        examine_lifetimes(settings),
        examine_data_dir(settings),
        examine_secret_file(settings),
    ):
        yield from findings


def examine_refusals(settings: Settings) -> Iterator[Finding]:
    """Start-up names the first reason, the doctor a missing secret beside it."""
    reasons = list(dict.fromkeys(find_refusals(settings)))
    for reason in reasons:
        yield problem(PART, "Keywright does not start with these settings.", reason)
    if not reasons:
        kind = "development" if settings.development else "production"
        yield ok(PART, f"Good for {kind}, at {settings.base_url}.")


def find_refusals(settings: Settings) -> Iterator[str]:
    try:
        refuse_unsafe(settings)
    except ConfigurationError as error:
        yield error.detail
    try:
        if not settings.development:
            refuse_weak_secret(settings.secret_key)
    except ConfigurationError as error:
        yield error.detail


def examine_environment(settings: Settings) -> Iterator[Finding]:
    if settings.env is None:
        yield warning(
            PART,
            "KEYWRIGHT_ENV is not set, which means development.",
            "Set KEYWRIGHT_ENV=production where other people sign in.",
        )


def examine_verification(settings: Settings) -> Iterator[Finding]:
    if not settings.require_verification:
        yield warning(
            PART,
            "KEYWRIGHT_REQUIRE_VERIFICATION=false implies KEYWRIGHT_REVEAL_REGISTERED: sign-up "
            "tells everybody which e-mail addresses have an account.",
            "Set KEYWRIGHT_REQUIRE_VERIFICATION=true unless that is what you want.",
        )
    elif settings.reveal_registered:
        yield warning(
            PART,
            "KEYWRIGHT_REVEAL_REGISTERED=true: sign-up tells everybody which e-mail addresses "
            "have an account.",
            "Leave it out unless that is what you want.",
        )


def examine_limits(settings: Settings) -> Iterator[Finding]:
    if settings.rate_limits == "off":
        yield warning(
            PART,
            "KEYWRIGHT_RATE_LIMITS=off: nothing slows down whoever tries many passwords on many "
            "accounts.",
            "Set KEYWRIGHT_RATE_LIMITS=on, unless something before this server limits requests.",
        )


def examine_proxies(settings: Settings) -> Iterator[Finding]:
    for network in settings.trusted_proxies:
        if network != UNIX_SOCKET and is_most_of_the_internet(network):
            yield problem(
                PART,
                f"KEYWRIGHT_TRUSTED_PROXIES holds {network}: anybody can pretend to call from any "
                "address, and limits by address hold nobody.",
                "Name only the networks of your own reverse proxies.",
            )
    if settings.base_url.startswith("https://") and not settings.trusted_proxies:
        yield warning(
            PART,
            "People come by https, so a reverse proxy stands before this server, but "
            "KEYWRIGHT_TRUSTED_PROXIES names none: limits by address are suspended when it sends "
            "forwarding headers, and everybody counts as one caller when it does not.",
            "Set KEYWRIGHT_TRUSTED_PROXIES to the proxy's networks, such as 127.0.0.1/32, or to "
            f"{UNIX_SOCKET} if it comes by a Unix socket.",
        )


def is_most_of_the_internet(network: str) -> bool:
    return ip_network(network, strict=False).prefixlen < WIDEST_PROXY_NETWORK


def examine_strength(settings: Settings) -> Iterator[Finding]:
    weak_hash = (
        settings.argon2_memory_kib < SAFE_MEMORY_KIB or settings.argon2_time_cost < SAFE_TIME_COST
    )
    if weak_hash:
        yield warning(
            PART,
            "Password hashes are cheaper to guess than they should be.",
            f"Set KEYWRIGHT_ARGON2_MEMORY_KIB={SAFE_MEMORY_KIB} and "
            f"KEYWRIGHT_ARGON2_TIME_COST={SAFE_TIME_COST} or more.",
        )
    if settings.password_min_score < SAFE_SCORE:
        yield warning(
            PART,
            "Passwords that are guessed soon are accepted.",
            f"Set KEYWRIGHT_PASSWORD_MIN_SCORE={SAFE_SCORE} or more.",
        )


def examine_lifetimes(settings: Settings) -> Iterator[Finding]:
    if settings.access_token_ttl > SAFE_ACCESS_TOKEN_TTL:
        yield warning(
            PART,
            f"Access tokens live {settings.access_token_ttl} s: services that check only their "
            "signature accept a revoked one that long.",
            f"Set KEYWRIGHT_ACCESS_TOKEN_TTL={SAFE_ACCESS_TOKEN_TTL} or less.",
        )
    if settings.session_max_age < settings.refresh_token_ttl:
        yield warning(
            PART,
            "KEYWRIGHT_REFRESH_TOKEN_TTL is longer than KEYWRIGHT_SESSION_MAX_AGE, which ends "
            "every session first.",
            "Make KEYWRIGHT_REFRESH_TOKEN_TTL the shorter of the two.",
        )
    if settings.deletion_grace < SAFE_DELETION_GRACE:
        yield warning(
            PART,
            f"KEYWRIGHT_DELETION_GRACE={settings.deletion_grace}: whoever gets at somebody's "
            "account and mailbox has it erased for good before its owner sees the mail.",
            f"Set KEYWRIGHT_DELETION_GRACE={SAFE_DELETION_GRACE} or more.",
        )


def examine_data_dir(settings: Settings) -> Iterator[Finding]:
    if settings.database_url is not None and not settings.development:
        return
    try:
        refuse_unusable_data_dir(settings.data_dir)
    except ConfigurationError as error:
        yield problem(PART, "There is no place for the database and other files.", error.detail)


def examine_secret_file(settings: Settings) -> Iterator[Finding]:
    path = settings.data_dir / "secret_key"
    if settings.secret_key is None and is_there(path) and path.stat().st_mode & OTHERS:
        yield problem(
            PART,
            f"Other users of this machine can read the master secret in {path}.",
            f"Run `chmod 600 {path}`.",
        )
