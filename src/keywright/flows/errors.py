from __future__ import annotations

from keywright.core.errors import BadRequest, Conflict, NotAuthenticated


class InvalidCredentials(NotAuthenticated):
    """Wrong password, unknown address and disabled account can't be told apart."""

    code = "invalid_credentials"
    title = "That did not work"
    detail = "The e-mail address or the password is not right. Check both and try again."


class NewPasswordRequired(Conflict):
    """The link was opened where nobody signed up: whoever did may not be the address's owner."""

    code = "new_password_required"
    title = "Choose a password"
    detail = (
        "This link was opened in another browser than the one that signed up. Choose a password: "
        "send it as `new_password` together with the token."
    )


class InvalidScope(BadRequest):
    """RFC 6749 §5.2."""

    code = "invalid_scope"
    title = "These scopes cannot be given"
    detail = "This account may have none of the scopes asked for: ask for others, or for none."
