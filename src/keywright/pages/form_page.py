"""A page with a form: shows it, reads what was sent, and shows it again with what was wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response

from keywright.core.ids import new_secret
from keywright.core.principal import Principal
from keywright.core.web.cookies import form_cookie
from keywright.pages import form_token
from keywright.pages.form import Field, Form, forget_secrets, read_form, require_fields
from keywright.pages.page import Pages

if TYPE_CHECKING:
    from keywright.core.context import Context

BLANK = Form()
FORM_TOKEN = Field(form_token.FIELD, longest=512, secret=True)


class FormPage:
    """`visitor` is given where the form acts for a session: its token is then bound to that."""

    def __init__(self, pages: Pages, template: str, *fields: Field) -> None:
        self._pages = pages
        self._template = template
        self._fields = (*fields, FORM_TOKEN)

    async def read(self, request: Request) -> Form:
        return await read_form(request, self._fields)

    def check(self, request: Request, form: Form, visitor: Principal | None = None) -> None:
        """Raises `FormExpired`, `InvalidInput`."""
        kw = self._pages.kw
        binding = binding_of(visitor, read_cookie(kw, request))
        form_token.require_own(kw.secrets, form[form_token.FIELD], binding)
        require_fields(form, self._fields)

    def show(
        self,
        request: Request,
        form: Form = BLANK,
        *,
        visitor: Principal | None = None,
        **values: Any,
    ) -> Response:
        """The form, blank or refused. What was typed stays, secrets apart."""
        kw, error = self._pages.kw, form.error
        known = read_cookie(kw, request)
        cookie = known or new_secret()
        response = self._pages.show(
            request,
            self._template,
            status=error.status if error else 200,
            headers=error.headers if error else None,
            form=forget_secrets(form, self._fields),
            form_token=form_token.issue(kw.secrets, binding_of(visitor, cookie)),
            visitor=visitor,
            **values,
        )
        if known is None:
            form_cookie(kw.settings).write(response, cookie, max_age=None)
        return response


def read_cookie(kw: Context, request: Request) -> str | None:
    """The form cookie, if it looks like one of ours."""
    value = form_cookie(kw.settings).read(request) or ""
    return value if value.isascii() and value.isalnum() else None


def binding_of(visitor: Principal | None, cookie: str | None) -> str:
    """The session that a form acts for; else this browser, by its form cookie."""
    return f"session|{visitor.session_id}" if visitor else f"browser|{cookie or ''}"
