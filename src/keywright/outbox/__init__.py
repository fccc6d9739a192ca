"""Messages written with the change that causes them, delivered after it, at least once."""
