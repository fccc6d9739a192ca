from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from keywright.accounts.link_tokens.errors import InvalidLink
from keywright.core.errors import KeywrightError
from keywright.core.web import resolve_caller
from keywright.flows import recover_account
from keywright.pages.announcements import Announcement, announce
from keywright.pages.form import LINK_TOKEN, NEW_PASSWORD, Form
from keywright.pages.form_page import FormPage
from keywright.pages.page import Pages
from keywright.pages.page_route import GET


def add(api: APIRouter, pages: Pages) -> None:
    kw, page = pages.kw, FormPage(pages, "reset_password.jinja", LINK_TOKEN, NEW_PASSWORD)
    dead_link = FormPage(pages, "dead_link.jinja")

    @api.api_route("/reset-password", methods=[*GET])
    async def show(request: Request, token: str = "") -> Response:
        return await show_link(request, Form({"token": token}))

    @api.post("/reset-password")
    async def reset_password(request: Request) -> Response:
        form, caller = await page.read(request), resolve_caller(request, kw.settings)
        try:
            page.check(request, form)
            await recover_account.reset_password(kw, form["token"], form["new_password"], caller)
        except KeywrightError as error:
            return await show_link(request, form.refused(error))
        response = pages.go("/sign-in")
        announce(kw, response, Announcement.PASSWORD_RESET)
        return response

    async def show_link(request: Request, form: Form) -> Response:
        """For whom the link is. Looking changes nothing."""
        if not form["token"]:
            return pages.go("/forgot-password")
        try:
            user = await recover_account.preview_reset(kw, form["token"])
        except InvalidLink as error:
            return dead_link.show(
                request,
                Form().refused(error),
                ask_at="/forgot-password",
                done="your new password is set",
                way_on="sign in with it",
            )
        return page.show(request, form, email=user.email)
