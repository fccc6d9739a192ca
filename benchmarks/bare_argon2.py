"""One process that does nothing but verify one password: `bare_argon2.py BUILD THREADS SECONDS`.

It prints what `bare.Hashing` holds. Each build's packages are imported by that build alone.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from collections.abc import Callable
from enum import StrEnum
from threading import Thread
from time import perf_counter

from benchmarks.subject import ARGON2_ITERATIONS, ARGON2_LANES, ARGON2_MEMORY_KIB, PASSWORD

Verify = Callable[[], object]
TYPED, SALT, HASH_BYTES = PASSWORD.encode(), b"0123456789abcdef", 32


class Build(StrEnum):
    WHEEL = "argon2-cffi, its wheel"
    BUILT_HERE = "argon2-cffi, built for this processor"
    PYNACL = "PyNaCl (libsodium)"
    OPENSSL = "cryptography (OpenSSL)"
    PASSUTH = "passuth (Rust)"
    NODE = "@node-rs/argon2 (Rust), in node"


def argon2_cffi() -> Verify:
    from argon2.low_level import Type, hash_secret, verify_secret

    costs = (ARGON2_ITERATIONS, ARGON2_MEMORY_KIB, ARGON2_LANES)
    stored = hash_secret(TYPED, SALT, *costs, HASH_BYTES, Type.ID)
    return lambda: verify_secret(stored, TYPED, Type.ID)


def pynacl() -> Verify:
    from nacl.pwhash import argon2id  # type: ignore[import-not-found]  # in a folder of its own

    stored = argon2id.str(TYPED, ARGON2_ITERATIONS, ARGON2_MEMORY_KIB * 1024)
    return lambda: argon2id.verify(stored, TYPED)


def openssl() -> Verify:
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

    stored = Argon2id(
        salt=SALT,
        length=HASH_BYTES,
        iterations=ARGON2_ITERATIONS,
        lanes=ARGON2_LANES,
        memory_cost=ARGON2_MEMORY_KIB,
    ).derive_phc_encoded(TYPED)
    return lambda: Argon2id.verify_phc_encoded(TYPED, stored)


def passuth() -> Verify:
    from passuth import (  # type: ignore[import-not-found]  # in a folder of its own
        generate_hash,
        verify_password,
    )

    stored = generate_hash(PASSWORD)  # the Rust crate's own costs, which are these
    assert f"m={ARGON2_MEMORY_KIB},t={ARGON2_ITERATIONS},p={ARGON2_LANES}$" in stored
    return lambda: verify_password(PASSWORD, stored)


VERIFIERS = {
    Build.WHEEL: argon2_cffi,
    Build.BUILT_HERE: argon2_cffi,
    Build.PYNACL: pynacl,
    Build.OPENSSL: openssl,
    Build.PASSUTH: passuth,
}


def count_verifications(verify: Verify, threads: int, seconds: float) -> tuple[int, float]:
    """How many, in how many seconds."""
    verify()
    counts = [0] * threads
    began = perf_counter()

    def work(index: int) -> None:
        while perf_counter() - began < seconds:
            verify()
            counts[index] += 1

    workers = [Thread(target=work, args=(index,)) for index in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return sum(counts), perf_counter() - began


def main() -> None:
    build, threads, seconds = Build(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    verify = VERIFIERS[build]()
    before = resource.getrusage(resource.RUSAGE_SELF)
    count, elapsed = count_verifications(verify, threads, seconds)
    after = resource.getrusage(resource.RUSAGE_SELF)
    used = (after.ru_utime - before.ru_utime) + (after.ru_stime - before.ru_stime)
    found = {"per_second": count / elapsed, "cpu_ms": used / (count + 1) * 1000}
    os.write(sys.stdout.fileno(), json.dumps(found).encode())


if __name__ == "__main__":
    main()
