"""Mail: what it says, how it is written down, and who carries it."""
