"""How often one network address may try each thing. The one place where these numbers stand."""

from __future__ import annotations

from keywright.core.ratelimit.models import Limit

MINUTE = 60
HOUR = 60 * MINUTE
DAY = 24 * HOUR

LOGIN = Limit("login", 5, MINUTE)
REGISTER = Limit("register", 3, MINUTE)
RESEND_VERIFICATION = Limit("resend-verification", 3, MINUTE)
FORGOT_PASSWORD = Limit("forgot-password", 3, MINUTE)
OAUTH_LOGIN = Limit("oauth-login", 10, MINUTE)
REQUEST_DELETION = Limit("request-deletion", 3, MINUTE)
CONFIRM_DELETION = Limit("confirm-deletion", 3, MINUTE)
CANCEL_DELETION = Limit("cancel-deletion", 3, MINUTE)

VERIFY_EMAIL = Limit("verify-email", 10, MINUTE)
CHANGE_EMAIL = Limit("change-email", 3, MINUTE)
CHANGE_EMAIL_OF_ACCOUNT = Limit("change-email-account", 10, DAY)
CONFIRM_EMAIL_CHANGE = Limit("confirm-email-change", 10, MINUTE)
UNDO_EMAIL_CHANGE = Limit("undo-email-change", 10, MINUTE)
RESET_PASSWORD = Limit("reset-password", 10, MINUTE)
CHANGE_PASSWORD = Limit("change-password", 10, MINUTE)
REAUTHENTICATE = Limit("reauthenticate", 10, MINUTE)
EXPORT = Limit("export", 5, MINUTE)
EXPORT_OF_ACCOUNT = Limit("export-account", 10, HOUR)
PASSWORD_STRENGTH = Limit("password-strength", 120, MINUTE)  # asked while a person types
REFRESH = Limit("refresh", 300, MINUTE)  # an office behind one address, each tab every 15 minutes

# Mail to one e-mail address, whoever asks for it. Notices of a change are not counted. Resets have
# a budget of their own: who signs up at somebody's address does not shut the owner out.
SIGN_UP_MAIL = (Limit("sign-up-mail-burst", 3, 15 * MINUTE), Limit("sign-up-mail-day", 10, DAY))
NEW_SIGN_IN_MAIL = (
    Limit("new-sign-in-mail-burst", 3, 15 * MINUTE),
    Limit("new-sign-in-mail-day", 10, DAY),
)
RESET_MAIL = (Limit("reset-mail-burst", 3, 15 * MINUTE), Limit("reset-mail-day", 10, DAY))
DELETION_MAIL = (Limit("deletion-mail-burst", 3, 15 * MINUTE), Limit("deletion-mail-day", 10, DAY))
