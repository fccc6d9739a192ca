"""What no log of a server that a test started may hold: looked for in every one of them.

Mailed links are not among it: in development the log shows every mail, links and all.
"""

from __future__ import annotations

import re

SECRETS = re.compile(
    r"correct horse battery|correct battery staple|seven purple walnuts|many quiet lanterns"
    r"|quiet harbour lantern"  # the passwords of people in tests
    r"|kwr_[\w-]{20,}"  # refresh tokens
    r"|eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]{10,}"  # access tokens
    r"|\$argon2id\$"
    r"|p@ss/w\?rd|p%40ss%2Fw%3Frd"  # of the mail server
    r"|8Rk2xqvVbYw0Jd5uXoPzLm7NcTgHsAeFiQ3"  # the master secret of `parts.server.PRODUCTION`
)


def require_no_secrets(log: str) -> None:
    lines = [line for line in log.splitlines() if SECRETS.search(line)]
    assert not lines, "A server logged secrets:\n" + "\n".join(lines[:5])
