from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from keywright.core.errors import KeywrightError
from keywright.core.principal import Principal
from keywright.core.web import resolve_caller
from keywright.flows import manage_sessions
from keywright.flows.errors import InvalidCredentials
from keywright.flows.recover_account import change_password
from keywright.flows.routes.cookies import set_device_cookie
from keywright.pages.announcements import Announcement, announce
from keywright.pages.form import CURRENT_PASSWORD, NEW_PASSWORD, SESSION, Form
from keywright.pages.form_page import BLANK, FormPage
from keywright.pages.page import Pages
from keywright.pages.page_route import GET
from keywright.pages.visitor import require_visitor
from keywright.sessions.errors import SessionNotFound

OTHERS = "others"


def add(api: APIRouter, pages: Pages) -> None:
    add_overview(api, pages)
    add_password(api, pages)


def add_overview(api: APIRouter, pages: Pages) -> None:
    kw, page = pages.kw, FormPage(pages, "account.jinja", SESSION)

    @api.api_route("/account", methods=[*GET])
    async def show(request: Request) -> Response:
        return await show_account(request, await require_visitor(kw, request))

    @api.api_route("/account/sessions", methods=[*GET])
    async def back_to_account() -> Response:
        return pages.go("/account")

    @api.post("/account/sessions")
    async def end(request: Request) -> Response:
        form, visitor = await page.read(request), await require_visitor(kw, request)
        try:
            page.check(request, form, visitor)
            announcement = await end_sessions(pages, request, visitor, form["session"])
        except KeywrightError as error:
            return await show_account(request, visitor, form.refused(error))
        response = pages.go("/account")
        announce(kw, response, announcement)
        return response

    async def show_account(request: Request, visitor: Principal, form: Form = BLANK) -> Response:
        found = await manage_sessions.list_sessions(kw, visitor)
        sessions = sorted(found, key=lambda one: one.id != visitor.session_id)
        return page.show(
            request, form, visitor=visitor, user=visitor.user, sessions=sessions, others=OTHERS
        )


async def end_sessions(
    pages: Pages, request: Request, visitor: Principal, which: str
) -> Announcement:
    """One session, or all but this one. Raises `SessionNotFound`."""
    caller = resolve_caller(request, pages.kw.settings)
    if which == OTHERS:
        await manage_sessions.end_other_sessions(pages.kw, visitor, caller)
        return Announcement.OTHERS_ENDED
    try:
        session_id = UUID(which)
    except ValueError:
        raise SessionNotFound from None
    await manage_sessions.end_session(pages.kw, visitor, session_id, caller)
    return Announcement.SESSION_ENDED


def add_password(api: APIRouter, pages: Pages) -> None:
    kw = pages.kw
    page = FormPage(pages, "change_password.jinja", CURRENT_PASSWORD, NEW_PASSWORD)

    @api.api_route("/account/password", methods=[*GET])
    async def show(request: Request) -> Response:
        return show_form(request, await require_visitor(kw, request))

    @api.post("/account/password")
    async def change(request: Request) -> Response:
        form, visitor = await page.read(request), await require_visitor(kw, request)
        caller, current = resolve_caller(request, kw.settings), form["current_password"]
        try:
            page.check(request, form, visitor)
            device = await change_password(kw, visitor, current, form["new_password"], caller)
        except InvalidCredentials as error:
            return show_form(request, visitor, form.refused(error, at="current_password"))
        except KeywrightError as error:
            return show_form(request, visitor, form.refused(error))
        response = pages.go("/account")
        set_device_cookie(kw, response, device)
        announce(kw, response, Announcement.PASSWORD_CHANGED)
        return response

    def show_form(request: Request, visitor: Principal, form: Form = BLANK) -> Response:
        return page.show(request, form, visitor=visitor, user=visitor.user)
