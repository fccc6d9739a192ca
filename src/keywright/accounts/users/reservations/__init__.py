"""Addresses that an account left and may come back to: nobody else gets one meanwhile."""
