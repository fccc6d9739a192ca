"""What the courier does for the stories, by the kind of the message."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from keywright.core.db import Transaction
from keywright.flows.change_email import ANSWER_EMAIL_CHANGE, answer_email_change
from keywright.flows.new_devices import TELL_OF_SIGN_IN, tell_of_sign_in
from keywright.flows.prove_address import RESEND_VERIFICATION, resend_verification
from keywright.flows.recover_account import SEND_RESET, send_reset
from keywright.flows.sign_up import ANSWER_SIGN_UP, answer_sign_up

if TYPE_CHECKING:
    from keywright.core.context import Context
    from keywright.outbox.models import Message

Job = Callable[["Context", Transaction, "Message"], Awaitable[None]]
JOBS: dict[str, Job] = {
    ANSWER_EMAIL_CHANGE: answer_email_change,
    ANSWER_SIGN_UP: answer_sign_up,
    RESEND_VERIFICATION: resend_verification,
    SEND_RESET: send_reset,
    TELL_OF_SIGN_IN: tell_of_sign_in,
}
