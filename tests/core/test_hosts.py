"""Which hosts are this machine, and which origins are one site."""

from __future__ import annotations

import pytest

from keywright.core.hosts import is_loopback, is_same_site, may_set_cookies_for


@pytest.mark.parametrize(
    ("origin", "other", "same"),
    [
        ("https://id.example.com", "https://app.example.com", True),
        ("https://id.example.com", "https://example.com:8443", True),
        ("https://id.example.com", "http://app.example.com", False),  # schemeful
        ("https://id.example.com", "https://app.example.net", False),
        ("http://localhost:8000", "http://127.0.0.1:5173", True),
        ("http://[::1]:8000", "http://localhost:5173", True),
    ],
)
def test_origins_of_another_site_are_told_apart(origin: str, other: str, same: bool) -> None:
    assert is_same_site(origin, other) is same
    assert is_same_site(other, origin) is same


@pytest.mark.parametrize(
    ("host", "other", "same"),
    [
        ("id.example.co.uk", "app.example.co.uk", True),
        ("id.example.co.uk", "other.co.uk", False),
        ("ada.github.io", "eve.github.io", False),
        ("id.lan", "app.lan", False),
        ("192.168.1.5:8000", "192.168.1.5:5173", True),
        ("192.168.1.5:8000", "192.168.1.6:5173", False),
    ],
)
def test_a_site_is_what_somebody_can_register(host: str, other: str, same: bool) -> None:
    assert is_same_site(f"https://{host}", f"https://{other}") is same


@pytest.mark.parametrize(
    ("host", "domain", "taken"),
    [
        ("id.example.com", "id.example.com", True),
        ("id.example.com", "example.com", True),
        ("id.eu.example.com", "eu.example.com", True),
        ("id.example.com", "xample.com", False),
        ("id.example.com", "eu.id.example.com", False),
        ("id.example.co.uk", "co.uk", False),
        ("ada.github.io", "github.io", False),
        ("id.lan", "lan", False),
        ("localhost", "localhost", True),
        ("192.168.1.5", "192.168.1.5", True),
        ("192.168.1.5", "1.5", False),
    ],
)
def test_a_cookie_goes_to_a_parent_that_one_party_owns(host: str, domain: str, taken: bool) -> None:
    assert may_set_cookies_for(host, domain) is taken


@pytest.mark.parametrize(
    ("host", "this_machine"),
    [
        ("LocalHost", True),
        ("127.8.9.1", True),
        ("::1", True),
        ("localhost.example.com", False),
        ("0.0.0.0", False),
        ("192.168.1.5", False),
        ("", False),
    ],
)
def test_this_machine_has_a_few_names(host: str, this_machine: bool) -> None:
    assert is_loopback(host) is this_machine
