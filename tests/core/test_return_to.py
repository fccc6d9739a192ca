"""Where a browser may be sent after signing in, and every trick that must not send it elsewhere."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywright.core.settings import Settings
from keywright.core.web.return_to import (
    UnregisteredReturn,
    is_registered_return,
    origin_of,
    require_registered_return,
)

HERE = "https://accounts.example.com"
APP = "https://app.example.com"
LOCAL = "http://localhost:5173"
ORIGINS = (HERE, APP, LOCAL)


@pytest.mark.parametrize(
    "value",
    [
        "/",
        "/account",
        "/account/password?tab=1#top",
        "/products/fetch?url=https%3A%2F%2Fshop.example%2Fa%2Eb",
        "/products/fetch?url=https://shop.example/../x",
        "/files/a%2Fb",
        "/caf%C3%A9",
        "/a.b/.well-known/x..y/...",
        "/~ada/@ada/a:b;c=d",
        HERE,
        f"{HERE}/",
        f"{HERE}?welcome",
        f"{HERE}#top",
        APP,
        f"{APP}/dashboard?from=sign-in#now",
        f"{APP}/user@example.com",
        f"{LOCAL}/",
    ],
)
def test_a_path_here_or_of_a_registered_origin_is_followed(value: str) -> None:
    assert is_registered_return(value, ORIGINS)


@pytest.mark.parametrize(
    "value",
    [
        "//evil.example",
        "///evil.example",
        "////evil.example/",
        "/%2fevil.example",
        "/%2F/evil.example",
        "//evil.example/%2e%2e",
        f"{APP}//evil.example",
        f"{APP}/%2fevil.example",
    ],
)
def test_several_slashes_are_refused(value: str) -> None:
    assert not is_registered_return(value, ORIGINS)


@pytest.mark.parametrize(
    "value",
    [
        "\\\\evil.example",
        "/\\evil.example",
        "\\/evil.example",
        "/account\\..\\x",
        "/%5cevil.example",
        "/%5Cevil.example",
        "https:\\\\app.example.com",
        f"{APP}\\@evil.example",
        f"{APP}/?x=\\",
    ],
)
def test_backslashes_are_refused(value: str) -> None:
    assert not is_registered_return(value, ORIGINS)


@pytest.mark.parametrize(
    "value",
    [
        f"{APP}@evil.example",
        f"{APP}:pass@evil.example",
        "https://ada@app.example.com/",
        "https://ada:secret@app.example.com/",
        "https://evil.example@app.example.com/",
        "https://@app.example.com/",
        "https://app.example.com%40evil.example",
    ],
)
def test_user_information_is_refused(value: str) -> None:
    assert not is_registered_return(value, ORIGINS)


@pytest.mark.parametrize(
    "value",
    [
        "HTTPS://app.example.com/",
        "Https://app.example.com/",
        "https://APP.example.com/",
        "https://app.EXAMPLE.com/",
        "hTTp://localhost:5173/",
    ],
)
def test_another_case_is_refused(value: str) -> None:
    assert not is_registered_return(value, ORIGINS)


@pytest.mark.parametrize(
    "value",
    [
        "https://app%2eexample.com/",
        "https://app.example.com%2eevil.example/",
        "/%2e%2e/evil",
        "/%2E%2E/evil",
        "/a/%2e/b",
        "/a/.%2e/b",
        f"{APP}/%2e%2e/",
        f"{APP}/a/../b",
        "/../evil",
        "/a/..",
        "/./a",
    ],
)
def test_dots_that_move_about_are_refused_encoded_or_not(value: str) -> None:
    assert not is_registered_return(value, ORIGINS)


@pytest.mark.parametrize(
    "value",
    [
        "https://evil.example",
        "https://evil.example/https://app.example.com/",
        "https://app.example.com.evil.example/",
        "https://app.example.community/",
        "https://notapp.example.com/",
        "https://example.com/",
        "https://sub.app.example.com/",
        "http://app.example.com/",
        "https://app.example.com:444/",
        "https://app.example.com:443/",
        "https://app.example.com:/",
        "http://localhost:51730/",
        "http://localhost/",
        "https:app.example.com",
        "https:/app.example.com",
        "https:///app.example.com",
        "https://app.example.com./",
        "https://app.example.com;/",
        "https://app.example.com,evil.example/",
        "ftp://app.example.com/",
        "wss://app.example.com/",
        "javascript:alert(1)",
        "javascript://app.example.com/%0aalert(1)",
        "data:text/html,x",
        "vbscript:x",
        "account",
        "./account",
        "?next",
        "#top",
        "",
    ],
)
def test_any_other_place_is_refused(value: str) -> None:
    assert not is_registered_return(value, ORIGINS)


@pytest.mark.parametrize(
    "value",
    [
        " /account",
        "/account ",
        "/ account",
        "\t//evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "/account\r\nSet-Cookie: a=b",
        "/account\x00",
        "/%00",
        "/%0d%0aSet-Cookie:a=b",
        "/%09/evil.example",
        "/%1f",
        "/%7f",
        "/\x7f",
        "/\u2028",
        "/é",
        "https://app。example.com/",
        "https://аpp.example.com/",
        "\ufeff/account",
    ],
)
def test_spaces_controls_and_other_scripts_are_refused(value: str) -> None:
    assert not is_registered_return(value, ORIGINS)


def test_a_very_long_one_is_refused() -> None:
    assert is_registered_return("/" + "a" * 1999, ORIGINS)
    assert not is_registered_return("/" + "a" * 2000, ORIGINS)


HOSTS = (*ORIGINS, "evil.example", "app.example.com", "https:", "HTTPS://", "javascript:", "443")
MARKS = ("/", "//", "\\", "..", ".", "%2e", "%2f", "%5c", "@", ":", "?", "#", "\t", "\n", " ", ";")


@given(st.lists(st.sampled_from(HOSTS + MARKS), max_size=8).map("".join))
def test_what_is_followed_stays_at_a_registered_origin(value: str) -> None:
    if is_registered_return(value, ORIGINS):
        parts = urlsplit(urljoin(f"{HERE}/sign-in", value))
        assert f"{parts.scheme}://{parts.netloc}" in ORIGINS


def test_settings_say_which_origins_are_registered() -> None:
    settings = Settings(_env_file=None, base_url=f"{HERE}/id", allowed_origins=(APP,))
    for value in ("", "/anywhere", f"{HERE}/anywhere", f"{APP}/anywhere"):
        require_registered_return(value, settings)
    with pytest.raises(UnregisteredReturn):
        require_registered_return(LOCAL, settings)


def test_the_origin_of_a_path_here_is_not_named() -> None:
    assert origin_of(f"{APP}/a?b#c") == (APP,)
    assert origin_of("/a:b") == ()
    assert origin_of("") == ()
