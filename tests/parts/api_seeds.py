"""Requests that succeed, for each operation: real accounts, mailed tokens and session ids.

A real server is asked over HTTP, as a client would; each request gets what it uses up made fresh.
"""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

API = "/api/v1"
PASSWORD = "correct horse battery staple"
MAIL_SECONDS = 20


@dataclass(frozen=True)
class Seed:
    """What a valid call consists of. `token` signs it in."""

    body: Any = None
    media_type: str | None = None
    path: dict[str, str] = field(default_factory=dict)
    query: dict[str, Any] = field(default_factory=dict)
    token: str | None = None


class Seeds:
    def __init__(self, base_url: str, administrator: str) -> None:
        self._http = httpx.Client(base_url=base_url, timeout=30)
        self._numbers = itertools.count(int(time.time() * 1000))
        self._administrator = administrator
        self._token: str | None = None

    def close(self) -> None:
        self._http.close()

    def of(self, operation_id: str) -> list[Seed]:
        """Valid calls of the operation. An operation that nobody seeded is an error of the test."""
        make: Callable[[], list[Seed]] = getattr(self, f"for_{operation_id}", self.missing)
        return make()

    @staticmethod
    def missing() -> list[Seed]:
        raise LookupError("Say in parts/api_seeds.py how this operation succeeds.")

    # --- what seeds are made of

    def post(self, path: str, body: Any = None, token: str | None = None) -> Any:
        headers = {"authorization": f"Bearer {token}"} if token else {}
        answer = self._http.post(f"{API}{path}", json=body, headers=headers)
        assert answer.is_success, f"{path}: {answer.text}"
        return answer.json()

    def administrator(self) -> str:
        """A fresh access token: what is tried may end the session of the one before."""
        return self.sign_in(self._administrator)["access_token"]

    def person(self) -> dict[str, Any]:
        """A new verified account with `PASSWORD`: its user object."""
        body = {"email": self.fresh_email(), "password": PASSWORD}
        return self.post("/users", body, self.administrator())

    def fresh_email(self) -> str:
        return f"person{next(self._numbers)}@example.com"

    def sign_in(self, email: str) -> Any:
        body = {"email": email, "password": PASSWORD, "token_transport": "body"}
        return self.post("/auth/login", body)

    def signed_in(self) -> Any:
        return self.sign_in(self.person()["email"])

    def token(self) -> str:
        return str(self.signed_in()["access_token"])

    def mailed_token(self, email: str, page: str = "") -> str:
        """Of the newest mail with a link (to that page)."""
        link = re.compile(rf"{page}[?&]token=(\w+)")
        give_up = time.monotonic() + MAIL_SECONDS
        while time.monotonic() < give_up:
            mails = self._http.get("/dev/mail", headers={"accept": "application/json"}).json()
            for mail in mails["items"]:
                if mail["to"] == email and (found := link.search(mail["text"])):
                    return found.group(1)
            time.sleep(0.02)
        raise TimeoutError(f"No mail came for {email}.")

    # --- auth

    def for_register(self) -> list[Seed]:
        body = {"email": self.fresh_email(), "password": PASSWORD}
        return [Seed(body), Seed({**body, "name": "Ada", "token_transport": "body"})]

    def for_verify_email(self) -> list[Seed]:
        email = self.fresh_email()
        self.post("/auth/register", {"email": email, "password": PASSWORD})
        return [Seed({"token": self.mailed_token(email), "new_password": PASSWORD})]

    def for_resend_verification(self) -> list[Seed]:
        return [Seed({"email": self.fresh_email()})]

    def for_login(self) -> list[Seed]:
        email = self.person()["email"]
        form = {"username": email, "password": PASSWORD}
        return [
            Seed({"email": email, "password": PASSWORD}, "application/json"),
            Seed({**form, "token_transport": "body"}, "application/x-www-form-urlencoded"),
            Seed(form, "multipart/form-data"),
        ]

    def for_refresh(self) -> list[Seed]:
        return [Seed({"refresh_token": self.signed_in()["refresh_token"]})]

    def for_logout(self) -> list[Seed]:
        return [Seed(), Seed(token=self.token()), *self.for_refresh()]

    def for_reauthenticate(self) -> list[Seed]:
        return [Seed({"password": PASSWORD}, token=self.token())]

    def for_forgot_password(self) -> list[Seed]:
        return [Seed({"email": self.person()["email"]})]

    def for_reset_password(self) -> list[Seed]:
        email = self.person()["email"]
        self.post("/auth/forgot-password", {"email": email})
        return [Seed({"token": self.mailed_token(email), "new_password": "seven purple walnuts"})]

    def for_change_password(self) -> list[Seed]:
        body = {"current_password": PASSWORD, "new_password": "seven purple walnuts"}
        return [Seed(body, token=self.token())]

    def for_change_email(self) -> list[Seed]:
        return [Seed({"new_email": self.fresh_email()}, token=self.token())]

    def for_confirm_email_change(self) -> list[Seed]:
        new_email = self.fresh_email()
        self.post("/auth/change-email", {"new_email": new_email}, self.token())
        return [Seed({"token": self.mailed_token(new_email, "/confirm-email-change")})]

    def for_undo_email_change(self) -> list[Seed]:
        email, new_email = self.person()["email"], self.fresh_email()
        token = self.sign_in(email)["access_token"]
        self.post("/auth/change-email", {"new_email": new_email}, token)
        body = {"token": self.mailed_token(new_email, "/confirm-email-change")}
        self.post("/auth/confirm-email-change", body)
        return [Seed({"token": self.mailed_token(email, "/undo-email-change")})]

    def for_assess_password(self) -> list[Seed]:
        return [Seed({"password": ""}), Seed({"password": PASSWORD})]

    def for_list_sessions(self) -> list[Seed]:
        return [Seed(token=self.token())]

    for_end_other_sessions = for_who_am_i = for_read_me = for_list_sessions
    for_export_my_account = for_list_sessions

    def for_list_my_events(self) -> list[Seed]:
        token = self.token()
        return [Seed(query=query, token=token) for query in ({}, {"total": "true", "limit": 1})]

    def for_end_session(self) -> list[Seed]:
        token = self.token()
        headers = {"authorization": f"Bearer {token}"}
        items = self._http.get(f"{API}/auth/sessions", headers=headers).json()["items"]
        return [Seed(path={"session_id": items[0]["id"]}, token=token)]

    def for_request_deletion(self) -> list[Seed]:
        return [Seed(token=self.token())]

    for_read_deletion_status = for_request_deletion

    def closing(self, *, confirmed: bool) -> tuple[dict[str, Any], str]:
        """Somebody whose account closes, or who asked for it, and the last mailed token."""
        person = self.person()
        token = self.sign_in(person["email"])["access_token"]
        self.post("/auth/request-deletion", token=token)
        mailed = self.mailed_token(person["email"], "/confirm-deletion")
        if confirmed:
            self.post("/auth/confirm-deletion", {"token": mailed}, token)
            mailed = self.mailed_token(person["email"], "/cancel-deletion")
        return person, mailed

    def for_confirm_deletion(self) -> list[Seed]:
        _, mailed = self.closing(confirmed=False)
        return [Seed({"token": mailed})]

    def for_cancel_deletion(self) -> list[Seed]:
        _, mailed = self.closing(confirmed=True)
        person, _ = self.closing(confirmed=True)
        token = self.sign_in(person["email"])["access_token"]
        return [Seed({"token": mailed}), Seed(token=token)]

    def for_cancel_users_deletion(self) -> list[Seed]:
        person, _ = self.closing(confirmed=True)
        return [Seed(path={"user_id": person["id"]}, token=self.administrator())]

    def for_edit_me(self) -> list[Seed]:
        return [
            Seed({}, token=self.token()),
            Seed({"name": "Ada", "notifications": {"new_sign_in": False}}, token=self.token()),
        ]

    # --- administration

    def for_list_users(self) -> list[Seed]:
        token = self.administrator()
        queries = ({}, {"total": "true", "limit": 1}, {"search": "person", "status": "active"})
        return [Seed(query=query, token=token) for query in queries]

    def for_create_user(self) -> list[Seed]:
        body = {"email": self.fresh_email(), "password": PASSWORD, "roles": ["moderator"]}
        return [Seed(body, token=self.administrator())]

    def for_read_user(self) -> list[Seed]:
        return [Seed(path={"user_id": self.person()["id"]}, token=self.administrator())]

    for_delete_user = for_disable_user = for_enable_user = for_sign_user_out = for_read_user

    def for_edit_user(self) -> list[Seed]:
        path = {"user_id": self.person()["id"]}
        return [Seed({"name": "Ada"}, path=path, token=self.administrator())]

    def for_set_roles(self) -> list[Seed]:
        path = {"user_id": self.person()["id"]}
        return [Seed({"roles": ["moderator"]}, path=path, token=self.administrator())]

    # --- what anybody may ask

    def for_read_jwks(self) -> list[Seed]:
        return [Seed()]

    for_read_live = for_read_ready = for_read_health = for_read_jwks
