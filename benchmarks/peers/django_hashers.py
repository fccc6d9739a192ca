"""Password hashers at costs of our choice (docs.djangoproject.com, "Password management in Django >
Increasing the work factor").
"""

from __future__ import annotations

from django.contrib.auth.hashers import Argon2PasswordHasher, PBKDF2PasswordHasher

from benchmarks.subject import ARGON2_ITERATIONS, ARGON2_LANES, ARGON2_MEMORY_KIB


class SharedArgon2(Argon2PasswordHasher):
    """At the cost that all subjects share."""

    time_cost = ARGON2_ITERATIONS
    memory_cost = ARGON2_MEMORY_KIB
    parallelism = ARGON2_LANES


class HashOfRandom(PBKDF2PasswordHasher):
    """For secrets that nobody can guess, as those of clients: one round keeps them."""

    algorithm = "hash_of_random"
    iterations = 1
