"""Passwords: how they are hashed and verified, what a new one must be, how often one may err."""
