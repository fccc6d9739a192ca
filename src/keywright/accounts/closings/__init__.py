"""Accounts that wait to be purged: when, and how often that failed."""
