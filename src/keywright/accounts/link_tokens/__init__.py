"""Tokens that travel in mailed links: stored hashed, used once, bound to purpose and person."""
