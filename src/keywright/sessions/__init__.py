"""Signed-in devices, the refresh families that keep them signed in, and their access tokens."""
