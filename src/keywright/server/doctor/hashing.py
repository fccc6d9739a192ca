"""Which build of Argon2 verifies passwords: the same code is faster, built for its processor."""

from __future__ import annotations

import platform
from importlib.metadata import distribution

from keywright.server.doctor.findings import Finding, ok

PART = "passwords"
PACKAGE = "argon2-cffi-bindings"
FOR_MANY_MACHINES = ("manylinux", "musllinux")
BUILD_HERE = (
    'CFLAGS="-O3 -march=native" pip install --force-reinstall --no-deps --no-cache-dir '
    f"--no-binary {PACKAGE} {PACKAGE}"
)


def examine_argon2() -> Finding:
    """Never a warning: it is as safe as the other, and it needs a compiler to change."""
    return judge_build(distribution(PACKAGE).read_text("WHEEL") or "", platform.machine())


def judge_build(wheel: str, processor: str) -> Finding:
    """`wheel` is the metadata of the installed package (PEP 427): `Tag:` says where it runs.

    Elsewhere than on x86-64 a build of one's own has no faster code to choose.
    """
    tags = [line for line in wheel.splitlines() if line.startswith("Tag:")]
    if processor != "x86_64" or not any(name in tag for tag in tags for name in FOR_MANY_MACHINES):
        return ok(PART, "Argon2 is as fast as its package can be here.")
    return ok(
        PART,
        "Argon2 is the wheel for all processors. With a C compiler it gets nearly twice as fast: "
        + BUILD_HERE,
    )
