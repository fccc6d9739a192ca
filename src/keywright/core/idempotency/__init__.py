"""`Idempotency-Key`: a call that is sent again answers what it did the first time.

draft-ietf-httpapi-idempotency-key-header-07, and security.md, "Abuse".
"""

from keywright.core.idempotency.models import Call, Claim, Done
from keywright.core.idempotency.service import begin, finish, give_up, sweep

__all__ = ["Call", "Claim", "Done", "begin", "finish", "give_up", "sweep"]
