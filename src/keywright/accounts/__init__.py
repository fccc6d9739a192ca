"""Accounts: who a person is, how they prove an address, and their password."""
