"""Words for people: errors whose own detail speaks to a program or its operator."""

from __future__ import annotations

from keywright.core.errors import KeywrightError

UNREADABLE = "The page could not read what your browser sent. Go back and try again."
FOR_PEOPLE = {
    "bad_request": UNREADABLE,
    "cross_site_request": (
        "Your browser says that another site sent this, so nothing was done. If it was you, open "
        "the page here and do it from there."
    ),
    "invalid_form": UNREADABLE,
    "invalid_input": "Please check what you entered.",
    "method_not_allowed": "There is a page here, but it opens by its link, not by sending a form.",
    "new_password_required": (
        "This link was opened in another browser than the one that signed up. Choose a password "
        "that only you know."
    ),
    "unsupported_media_type": UNREADABLE,
}


def say(error: KeywrightError) -> str:
    return FOR_PEOPLE.get(error.code, error.detail)
