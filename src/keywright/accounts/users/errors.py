from __future__ import annotations

from keywright.core.errors import Conflict, Forbidden, InvalidInput, NotFound


class EmailTaken(Conflict):
    code = "email_taken"
    title = "That e-mail address has an account"
    detail = "There is an account with that e-mail address. Sign in, or reset its password."


class UsernameTaken(Conflict):
    code = "username_taken"
    title = "That username is taken"
    detail = "That username is taken. Please choose another."


class EmailNotVerified(Forbidden):
    code = "email_not_verified"
    title = "Your e-mail address is not verified yet"
    detail = "Open the link that was mailed to you, or ask for a new one, then sign in."


class UserNotFound(NotFound):
    code = "user_not_found"
    detail = "There is no such account."


class UnknownRole(InvalidInput):
    code = "unknown_role"
    title = "There is no such role"


class LastAdministrator(Conflict):
    code = "last_administrator"
    title = "The last administrator stays"
    detail = "This is the last active administrator. Make somebody else one first."
