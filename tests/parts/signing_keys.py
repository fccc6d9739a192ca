"""The master secrets that seal signing keys in tests."""

from __future__ import annotations

SECRET = "a-secret-of-at-least-thirty-two-characters"
NEXT_SECRET = "another-secret-of-thirty-two-characters"
