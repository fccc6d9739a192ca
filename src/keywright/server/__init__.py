"""The program: `keywright serve` and its fellow commands."""
