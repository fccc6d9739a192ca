from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from keywright.accounts.link_tokens.errors import InvalidLink
from keywright.core.errors import KeywrightError
from keywright.core.web import resolve_caller
from keywright.flows import undo_email_change
from keywright.pages.announcements import Announcement, announce
from keywright.pages.form import LINK_TOKEN, Form
from keywright.pages.form_page import FormPage
from keywright.pages.page import Pages
from keywright.pages.page_route import GET


def add(api: APIRouter, pages: Pages) -> None:
    kw, page = pages.kw, FormPage(pages, "undo_email_change.jinja", LINK_TOKEN)
    dead_link = FormPage(pages, "dead_link.jinja")

    @api.api_route("/undo-email-change", methods=[*GET])
    async def show(request: Request, token: str = "") -> Response:
        return await show_link(request, Form({"token": token}))

    @api.post("/undo-email-change")
    async def undo(request: Request) -> Response:
        form, caller = await page.read(request), resolve_caller(request, kw.settings)
        try:
            page.check(request, form)
            taken_back = await undo_email_change.undo_email_change(kw, form["token"], caller)
        except KeywrightError as error:
            return await show_link(request, form.refused(error))
        response = pages.go("/reset-password", token=taken_back.reset_token)
        announce(kw, response, Announcement.EMAIL_RESTORED)
        return response

    async def show_link(request: Request, form: Form) -> Response:
        """Which address comes back, and what else goes. Looking changes nothing."""
        try:
            preview = await undo_email_change.preview_undo(kw, form["token"])
        except InvalidLink as error:
            return dead_link.show(
                request,
                Form().refused(error),
                ask_at="/forgot-password",
                done="your address is back, and this form sends you a link to a new password",
                way_on="sign in",
            )
        return page.show(request, form, preview=preview)
