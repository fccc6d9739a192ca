from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest
from fastapi import FastAPI
from parts.visitor import ADA, PASSWORD, Visitor, quick_settings, serving

from keywright.accounts.users import service as users
from keywright.app import standalone
from keywright.integration import Keywright

pytestmark = pytest.mark.anyio

APP = "http://localhost:5173"


async def test_the_start_page_leads_to_sign_in_and_later_to_the_account(visitor: Visitor) -> None:
    assert (await visitor.open("/")).path == "/sign-in"
    await visitor.register()
    await visitor.sign_in()
    assert (await visitor.open("/")).path == "/account"


async def test_signing_in_leads_to_the_account(visitor: Visitor) -> None:
    await visitor.register()
    page = await visitor.sign_in()
    assert (page.path, page.status, page.heading) == ("/account", 200, "Your account")
    assert ADA in page.text


async def test_signing_in_sets_the_page_cookie_and_the_device_cookie_alone(
    visitor: Visitor,
) -> None:
    await visitor.register()
    before = set(visitor.cookies)
    await visitor.sign_in()
    assert set(visitor.cookies) - before == {"kw_session", "kw_device"}


async def test_cookies_are_bound_to_the_host_over_https(tmp_path: Path) -> None:
    settings = quick_settings(tmp_path, base_url="https://accounts.example.com")
    async with serving(settings) as app:
        visitor = Visitor(app, settings)
        await visitor.register()
        form = (await visitor.open("/sign-in")).form()
        fields = form.fields | {"email": ADA, "password": PASSWORD}
        origin = {"Origin": settings.origin}
        answer = await visitor.client.post("/sign-in", data=fields, headers=origin)
    (cookie,) = [
        one for one in answer.headers.get_list("set-cookie") if one.startswith("__Host-kw_session=")
    ]
    attributes = {part.strip().lower() for part in cookie.split(";")[1:]}
    assert attributes >= {"secure", "httponly", "path=/", "samesite=lax"}
    assert not any(one.startswith("domain") for one in attributes)


async def test_a_wrong_password_keeps_the_address_and_says_so(visitor: Visitor) -> None:
    await visitor.register()
    page = await visitor.sign_in(password="something else 77")
    assert (page.status, page.heading) == (401, "Sign in")
    assert "The e-mail address or the password is not right" in page.problem
    assert "not right" in page.complaint("email")
    assert page.form().fields["email"] == ADA
    assert "something else" not in page.html


async def test_empty_fields_are_named(visitor: Visitor) -> None:
    page = await visitor.submit(await visitor.open("/sign-in"))
    assert page.status == 422
    assert "Enter your e-mail address." in page.complaint("email")
    assert "Enter your password." in page.complaint("password")


async def test_overlong_fields_are_named(visitor: Visitor) -> None:
    page = await visitor.sign_in(email="a" * 321, password="p" * 1025)
    assert page.status == 422
    assert "320 characters" in page.complaint("email")
    assert "1024 characters" in page.complaint("password")


async def test_an_unproven_address_is_offered_a_new_link(visitor: Visitor) -> None:
    await visitor.sign_up()
    page = await visitor.sign_in()
    assert page.status == 403
    assert any(link.attributes["href"] == "/verify-email" for link in page.document.all("a"))


async def test_too_many_attempts_are_told_to_wait(app: FastAPI, visitor: Visitor) -> None:
    await visitor.register()
    for _ in range(10):
        await visitor.sign_in(password="something else 77")
    page = await visitor.sign_in()
    assert page.status == 429
    assert "wait" in page.problem
    assert int(page.response.headers["retry-after"]) > 0


async def test_a_signed_in_visitor_goes_straight_on(visitor: Visitor) -> None:
    await visitor.register()
    await visitor.sign_in()
    for path in ("/sign-in", "/sign-up"):
        assert (await visitor.open(path)).path == "/account"
        assert (await visitor.open(f"{path}?return_to=/account/password")).path.endswith("password")


async def test_signing_in_leads_back_to_where_the_person_was_going(visitor: Visitor) -> None:
    await visitor.register()
    first = await visitor.open("/account/password")
    assert first.path == "/sign-in"
    page = await visitor.submit(first, email=ADA, password=PASSWORD)
    assert page.path == "/account/password"


async def test_the_way_back_survives_a_wrong_password(visitor: Visitor) -> None:
    await visitor.register()
    first = await visitor.sign_in(
        password="something else 77", query="?return_to=/account/password"
    )
    page = await visitor.submit(first, email=ADA, password=PASSWORD)
    assert page.path == "/account/password"


async def test_a_registered_origin_is_returned_to(tmp_path: Path) -> None:
    settings = quick_settings(tmp_path, allowed_origins=(APP,))
    async with serving(settings) as app:
        visitor = Visitor(app, settings)
        await visitor.register()
        query = f"?return_to={quote(APP + '/dashboard?tab=1', safe='')}"
        form = await visitor.open(f"/sign-in{query}")
        assert f"form-action 'self' {APP};" in form.response.headers["content-security-policy"]
        page = await visitor.submit(form, email=ADA, password=PASSWORD)
        assert page.elsewhere == f"{APP}/dashboard?tab=1"
        assert (await visitor.open(f"/sign-in{query}")).elsewhere == f"{APP}/dashboard?tab=1"


async def test_a_second_tab_may_still_sign_in_and_leaves_one_session(visitor: Visitor) -> None:
    await visitor.register()
    first, second = await visitor.open("/sign-in"), await visitor.open("/sign-in")
    await visitor.submit(first, email=ADA, password=PASSWORD)
    page = await visitor.submit(second, email=ADA, password=PASSWORD)
    assert page.path == "/account"
    assert page.text.count("last used") == 1


async def test_signing_out_asks_then_ends_the_session(visitor: Visitor) -> None:
    await visitor.register()
    await visitor.sign_in()
    session = visitor.cookies["kw_session"]
    asked = await visitor.open("/sign-out")
    assert (asked.path, asked.heading) == ("/sign-out", "Sign out")
    page = await visitor.submit(asked)
    assert (page.path, page.announcement) == ("/sign-in", "You are signed out.")
    assert "kw_session" not in visitor.cookies
    visitor.client.cookies.set("kw_session", session)
    assert (await visitor.open("/account")).path == "/sign-in"


async def test_an_announcement_is_shown_once(visitor: Visitor) -> None:
    await visitor.register()
    await visitor.sign_in()
    await visitor.submit(await visitor.open("/sign-out"))
    assert (await visitor.open("/sign-in")).announcement == ""


async def test_signing_out_twice_is_no_error(visitor: Visitor) -> None:
    await visitor.register()
    await visitor.sign_in()
    asked = await visitor.open("/sign-out")
    await visitor.submit(asked)
    assert (await visitor.submit(asked)).path == "/sign-in"
    assert (await visitor.open("/sign-out")).path == "/sign-in"


async def test_pages_live_below_the_base_urls_path(tmp_path: Path) -> None:
    settings = quick_settings(tmp_path, base_url="http://127.0.0.1:8000/id")
    async with serving(settings) as app:
        answer = await Visitor(app, settings).client.get("http://127.0.0.1:8000/account")
    assert answer.headers["location"] == "/id/sign-in?return_to=%2Fid%2Faccount"


async def test_a_disabled_account_is_nobody_to_the_pages(tmp_path: Path) -> None:
    settings = quick_settings(tmp_path)
    kw = Keywright(settings)
    app = standalone(kw)
    async with app.router.lifespan_context(app):
        visitor = Visitor(app, settings)
        await visitor.register()
        await visitor.sign_in()
        async with kw.context.db.transaction() as tx:
            user = await users.find_by_email(tx, ADA)
            assert user is not None
            await users.disable(tx, user.id, kw.context.clock.now())
            await kw.context.notices.changed(tx, user.id, kw.context.clock.now())
        assert (await visitor.open("/account")).path == "/sign-in"
        assert (await visitor.sign_in()).status == 401
