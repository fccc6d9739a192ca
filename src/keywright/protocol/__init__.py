"""The logic of the RFCs, pure: no database, no HTTP, nothing beyond the base install."""
