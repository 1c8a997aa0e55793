"""Fits to rows that are read from files while the steps run (design record 0054)."""
