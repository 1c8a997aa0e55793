"""A synthetic table, and whether it may be shared."""
