"""What signing and verifying an access token costs with each algorithm.

.venv/bin/python benchmarks/signatures.py
"""

from __future__ import annotations

import platform
import timeit
from collections.abc import Callable
from datetime import UTC, datetime

from keywright.protocol import jwk, jws
from keywright.protocol.access_token import ACCESS_TOKEN_TYPE, AccessToken, check_claims
from keywright.protocol.verified_tokens import VerifiedTokens

ROUNDS = 2_000
TOKEN = AccessToken(
    iss="https://accounts.example.com",
    aud="https://accounts.example.com",
    sub="0199f3a4-5b6c-7d8e-9fa0-b1c2d3e4f506",
    sid="0199f3a4-5b6c-7d8e-9fa0-b1c2d3e4f507",
    jti="0199f3a4-5b6c-7d8e-9fa0-b1c2d3e4f508",
    client_id="keywright",
    iat=1_800_000_000,
    exp=1_800_000_900,
    auth_time=1_800_000_000,
    scope="read write",
    amr=("pwd",),
)
MOMENT = datetime.fromtimestamp(1_800_000_001, UTC)


def microseconds(work: Callable[[], object]) -> float:
    """The best of five runs, each of `ROUNDS` calls."""
    return min(timeit.repeat(work, number=ROUNDS, repeat=5)) / ROUNDS * 1e6


def main() -> None:
    print(f"Python {platform.python_version()}, {platform.machine()}, {platform.system()}")
    print(f"{'':8}{'sign':>8}{'verify':>8}{'again':>8}{'bytes':>8}   (µs, µs, µs)")
    for algorithm in jwk.Algorithm:
        measure(algorithm)


def measure(algorithm: jwk.Algorithm) -> None:
    key = jwk.generate(algorithm)
    payload = jws.write_object(TOKEN.to_claims())
    token = jws.sign(payload, key, typ=ACCESS_TOKEN_TYPE)
    remembered = VerifiedTokens()

    def verify_first() -> None:
        use(token, lambda parsed: jws.check_signature(parsed, key.public))

    def verify_again() -> None:
        use(token, lambda parsed: remembered.check_signature(parsed, key.public))

    sign = microseconds(lambda: jws.sign(payload, key, typ=ACCESS_TOKEN_TYPE))
    first, again = microseconds(verify_first), microseconds(verify_again)
    print(f"{algorithm:8}{sign:8.1f}{first:8.1f}{again:8.1f}{len(token):8}")


def use(token: str, check_signature: Callable[[jws.Jws], None]) -> None:
    parsed = jws.parse(token)
    jws.refuse_other_type(parsed, ACCESS_TOKEN_TYPE)
    check_signature(parsed)
    claims = jws.read_object(parsed.payload)
    check_claims(claims, issuer=TOKEN.iss, audience=TOKEN.aud, now=MOMENT)


if __name__ == "__main__":
    main()
