"""What an operator sees and what keeps the house clean: health, and work that repeats."""
