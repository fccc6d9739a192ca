"""The links that delete an account, and that keep it: each says what the button will do."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from keywright.core.errors import KeywrightError
from keywright.core.principal import Principal, UserStatus
from keywright.core.web import resolve_caller
from keywright.core.web.caller import Caller
from keywright.flows import close_account, keep_account
from keywright.flows.close_account import ClosingPreview
from keywright.pages.announcements import Announcement, announce
from keywright.pages.form import LINK_TOKEN, Form
from keywright.pages.form_page import FormPage
from keywright.pages.page import Pages
from keywright.pages.page_route import GET
from keywright.pages.visitor import find_visitor


def add(api: APIRouter, pages: Pages) -> None:
    add_confirming(api, pages)
    add_cancelling(api, pages)


def add_confirming(api: APIRouter, pages: Pages) -> None:
    kw, page = pages.kw, FormPage(pages, "confirm_deletion.jinja", LINK_TOKEN)

    @api.api_route("/confirm-deletion", methods=[*GET])
    async def show(request: Request, token: str = "") -> Response:
        return await show_link(request, Form({"token": token}))

    @api.post("/confirm-deletion")
    async def confirm_deletion(request: Request) -> Response:
        form, caller = await page.read(request), resolve_caller(request, kw.settings)
        visitor = await find_visitor(kw, request)
        try:
            page.check(request, form)
            await close_account.confirm_deletion(kw, form["token"], visitor, caller)
        except KeywrightError as error:
            return await show_link(request, form.refused(error))
        response = pages.go("/sign-in")
        announce(kw, response, Announcement.ACCOUNT_CLOSING)
        return response

    async def show_link(request: Request, form: Form) -> Response:
        """Whose account the link deletes. Looking changes nothing; a dead link is a page too."""
        preview = await close_account.preview_confirmation(kw, form["token"])
        return page.show(request, form, email=preview.email, deletes_at=preview.deletes_at)


def add_cancelling(api: APIRouter, pages: Pages) -> None:
    """With the mailed link, or for the person who is signed in."""
    kw, page = pages.kw, FormPage(pages, "cancel_deletion.jinja", LINK_TOKEN)

    @api.api_route("/cancel-deletion", methods=[*GET])
    async def show(request: Request, token: str = "") -> Response:
        visitor = None if token else await find_closing_visitor(pages, request)
        if visitor is None and not token:
            return pages.go("/account")
        return await show_way_back(request, Form({"token": token}), visitor)

    @api.post("/cancel-deletion")
    async def cancel_deletion(request: Request) -> Response:
        form, caller = await page.read(request), resolve_caller(request, kw.settings)
        visitor = None if form["token"] else await find_closing_visitor(pages, request)
        if visitor is None and not form["token"]:
            return pages.go("/account")
        try:
            page.check(request, form, visitor)
            await cancel(pages, form["token"], visitor, caller)
        except KeywrightError as error:
            return await show_way_back(request, form.refused(error), visitor)
        response = pages.go("/sign-in")
        announce(kw, response, Announcement.ACCOUNT_KEPT)
        return response

    async def show_way_back(request: Request, form: Form, visitor: Principal | None) -> Response:
        """Which account stays, and until when that can be said. Looking changes nothing."""
        preview = await look(pages, form["token"], visitor)
        return page.show(
            request, form, visitor=visitor, email=preview.email, deletes_at=preview.deletes_at
        )


async def look(pages: Pages, token: str, visitor: Principal | None) -> ClosingPreview:
    if visitor is None:
        return await keep_account.preview_cancellation(pages.kw, token)
    return await keep_account.preview_own_cancellation(pages.kw, visitor)


async def find_closing_visitor(pages: Pages, request: Request) -> Principal | None:
    visitor = await find_visitor(pages.kw, request)
    if visitor is None or visitor.user is None or visitor.user.status is not UserStatus.CLOSING:
        return None
    return visitor


async def cancel(pages: Pages, token: str, visitor: Principal | None, caller: Caller) -> None:
    if visitor is not None:
        await keep_account.cancel_by_session(pages.kw, visitor, caller)
    else:
        await keep_account.cancel_by_link(pages.kw, token, caller)
