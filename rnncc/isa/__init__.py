"""The instruction set, from one table."""
