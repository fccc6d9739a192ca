"""Signing keys: created, rotated with overlap, published. Private halves are sealed at rest."""
