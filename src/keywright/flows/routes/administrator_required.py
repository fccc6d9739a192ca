"""Whom the administrators' routes let in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.requests import Request

from keywright.audit import service as audit
from keywright.audit.models import AuditEvent
from keywright.core.errors import Forbidden
from keywright.core.principal import Principal
from keywright.core.web import resolve_caller
from keywright.core.web.require import SessionRequired

if TYPE_CHECKING:
    from keywright.core.context import Context


@dataclass(frozen=True)
class AdministratorRequired(SessionRequired):
    """A first-party session whose account holds the permissions; who lacks them is recorded."""

    async def check(self, request: Request) -> Principal:
        principal = await self.require(request)
        try:
            return await super().check(request)
        except Forbidden as refusal:
            await self.record_denial(request, principal, refusal)
            raise

    async def record_denial(
        self, request: Request, principal: Principal, refusal: Forbidden
    ) -> None:
        await audit.record_denial(
            self.context.db,
            event=AuditEvent.ACCESS_DENIED,
            actor_id=principal.user.id if principal.user else None,
            subject_id=principal.user.id if principal.user else None,
            session_id=principal.session_id,
            details={"code": refusal.code, "needed": self.scopes},
            caller=resolve_caller(request, self.context.settings),
            now=self.context.clock.now(),
        )


def administrator(kw: Context, permission: str, *, fresh: bool = False) -> AdministratorRequired:
    return AdministratorRequired(kw, kw.schemes, (permission,), fresh=fresh)
