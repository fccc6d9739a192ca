"""Rules of security.md, "Mailed and shown secrets" and "Abuse": addresses and names of people."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from parts.house import EVE, OTHER_PASSWORD, PASSWORD, Browser, House, expect, problem

from keywright.accounts.users.table import users
from keywright.core.errors import InvalidInput
from keywright.flows import administer_roles
from keywright.flows.administer_users import NewUser, create_user
from keywright.flows.administrators import Actor
from keywright.server.cli.output import say, say_json, say_refusal, say_table

BROUGHT_IN = "\x1b]0;owned\x07\x1b[31mAda\x1b[0m\r\nroot@example.com  active\x9b2J\u2028\u202e"
HARMFUL = ["\x1b[2J", "a\nb", "a\rb", "a\tb", "\x7f", "\x9b2J", "a\u2028b", "a\u2029b"]
HARMLESS = ["Ada Lovelace", "Zoë 李 ✨", "ناديا\u200f", "X Æ A-12 👩\u200d🚀"]


# On the operator's screen


def show_table(text: str) -> None:
    say_table(("Name", "Status"), [(text, "active")])


def show_object(text: str) -> None:
    say_json({"name": text})


def show_refusal(text: str) -> None:
    say_refusal(InvalidInput(text))


@pytest.mark.parametrize("show", [say, show_table, show_object, show_refusal])
def test_nobody_elses_text_steers_the_terminal_or_begins_a_line(show: Any, capsys: Any) -> None:
    show(BROUGHT_IN)
    printed = "".join(capsys.readouterr())
    show("Ada")
    assert len(printed.splitlines()) == len("".join(capsys.readouterr()).splitlines())
    assert not set(printed) & set("\x1b\x07\r\x9b\u2028\u202e")
    assert "root@example.com" in printed


# Where they are given


@pytest.fixture
async def ada(house: House) -> Browser:
    return await (await house.browser()).join()


def refused_at_name(answer: Any) -> None:
    assert problem(answer, 422, "invalid_input")["errors"][0]["field"] == "name"


@pytest.mark.anyio
@pytest.mark.parametrize("name", HARMFUL)
async def test_a_name_has_no_control_characters_and_line_breaks(
    house: House, ada: Browser, name: str
) -> None:
    refused_at_name(await (await house.browser()).register(EVE, PASSWORD, name=name))
    refused_at_name(await ada.call("PATCH", "/users/me", json={"name": name}))
    me = expect(await ada.me(), 200).json()
    await administer_roles.grant_role(house.kw, UUID(me["id"]), "admin", Actor())
    refused_at_name(await ada.call("POST", "/users", json={"email": EVE, "name": name}))
    refused_at_name(await ada.call("PATCH", f"/users/{me['id']}", json={"name": name}))
    with pytest.raises(InvalidInput):
        await create_user(house.kw, NewUser(EVE, name=name), Actor())


@pytest.mark.anyio
@pytest.mark.parametrize("name", HARMLESS)
async def test_every_script_has_names(house: House, ada: Browser, name: str) -> None:
    answer = await ada.call("PATCH", "/users/me", json={"name": name})
    assert expect(answer, 200).json()["name"] == name
    expect(await (await house.browser()).register(EVE, PASSWORD, name=name), 202)


# Domains


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("one", "other"),
    [("o@faß.example", "o@fass.example"), ("o@βόλος.example", "o@βόλοσ.example")],
)
async def test_two_domains_are_two_accounts_however_alike_they_look(
    house: House, one: str, other: str
) -> None:
    """Mail to them goes to different servers (IDNA2008): nobody gets the other's."""
    await settle(house, one, PASSWORD)
    stranger = await house.browser()
    expect(await stranger.login(other), 401)
    before = len(await house.outbox.mails())
    expect(await stranger.forgot(other), 202)
    assert len(await house.outbox.mails()) == before
    await settle(house, other, OTHER_PASSWORD)
    assert await house.count(users) == 2


async def settle(house: House, email: str, password: str) -> None:
    browser = await house.browser()
    expect(await browser.register(email, password), 202)
    expect(await browser.verify((await house.outbox.last()).token), 200)
    expect(await browser.login(email, password), 200)
