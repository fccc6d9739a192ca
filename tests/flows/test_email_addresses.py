"""Which e-mail addresses are accepted, how they are found again, and where mail goes."""

from __future__ import annotations

from contextlib import suppress

import idna
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from parts.house import OTHER_PASSWORD, expect, problem

from keywright.accounts.users.addresses import EMAIL_LENGTH, fold_domain, fold_email
from keywright.accounts.users.table import users

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("typed", "stored", "found_by"),
    [
        ("Ada@Example.ORG", "Ada@example.org", ["ada@example.org", "ADA@EXAMPLE.ORG"]),
        ("  ada@example.org  ", "ada@example.org", ["ada@example.org", " Ada@example.org"]),
        ("ada+shop@example.org", "ada+shop@example.org", ["ADA+shop@example.org"]),
        ("ada@bücher.example", "ada@bücher.example", ["ada@xn--bcher-kva.example"]),
        ("ada@xn--bcher-kva.example", "ada@bücher.example", ["Ada@BÜCHER.example"]),
        ("straße@example.org", "straße@example.org", ["STRASSE@example.org"]),
        ("ada@Faß.example", "ada@faß.example", ["ADA@xn--fa-hia.example", "ada@FAẞ.example"]),
        ("ada@σίσυφος.example", "ada@σίσυφος.example", ["ada@ΣΊΣΥΦΟς.example"]),
        ("ĳssel@example.org", None, ["ijssel@example.org"]),
        ("用户@例子.example", "用户@例子.example", ["用户@xn--fsqu00a.example"]),
        ("o'brien@example.org", "o'brien@example.org", ["O'Brien@example.org"]),
    ],
)
async def test_an_address_is_found_in_every_spelling_and_mailed_in_its_own(
    house, typed, stored, found_by
):
    browser = await house.browser()
    expect(await browser.register(typed), 202)
    (mail,) = await house.outbox.mails()
    answer = expect(await browser.verify(mail.token), 200).json()
    stored = stored or answer["user"]["email"]
    assert answer["user"]["email"] == stored
    for spelling in [typed, stored, *found_by]:
        expect(await browser.login(spelling), 200)
    expect(await browser.forgot(found_by[-1]), 202)
    assert (await house.outbox.last()).to == mail.to


@pytest.mark.parametrize("same", ["ADA@EXAMPLE.ORG", "ａda@example.org", "ada@EXAMPLE。org"])
async def test_two_spellings_of_an_address_are_one_account(house, same):
    browser, other = await house.browser(), await house.browser()
    await browser.join("ada@example.org")
    expect(await other.register(same, OTHER_PASSWORD), 202)
    assert "token=" not in (await house.outbox.last()).text
    assert await house.count(users) == 1


@pytest.mark.parametrize(
    "address",
    [
        "ada",
        "ada@",
        "@example.org",
        "ada@@example.org",
        "ada@example",
        "ada@-example.org",
        "ada@example..org",
        "a b@example.org",
        "ada@exa mple.org",
        "ada@[127.0.0.1]",
        "Ada <ada@example.org>",
        "ada@example.org,eve@example.org",
        "ada@example.org\r\nBcc: eve@example.org",
        "ada@" + "a" * 64 + ".org",
        "ada@" + "x." * 150 + "org",
        "\u202eada@example.org",
    ],
)
async def test_what_is_no_address_is_refused_and_says_so(house, address):
    browser = await house.browser()
    answer = problem(await browser.register(address), 422, "invalid_email")
    assert {one["field"] for one in answer["errors"]} == {"email"}
    assert await house.outbox.mails() == []


async def test_an_over_long_address_is_refused_before_anybody_looks_at_it(house):
    browser = await house.browser()
    answer = problem(await browser.register("a" * 10_000 + "@x.org"), 422, "invalid_input")
    assert answer["errors"][0]["field"] == "email"


@given(st.text(max_size=400))
def test_any_text_has_a_folded_form_that_is_stable_and_fits(text):
    folded = fold_email(text)
    assert len(folded) <= EMAIL_LENGTH
    if len(folded) < EMAIL_LENGTH:
        assert fold_email(folded) == folded


@given(st.text(st.characters(codec="ascii"), max_size=80))
@example("XN--BCHER-KVA.Example.")
@example("xn--not-punycode-.example")
def test_an_ascii_domain_is_folded_as_mail_finds_it(domain):
    assert fold_domain(domain) == as_mail_finds_it(domain)


def as_mail_finds_it(domain: str) -> str:
    with suppress(idna.IDNAError, UnicodeError):
        return idna.encode(domain, uts46=True).decode()
    return domain.lower()
