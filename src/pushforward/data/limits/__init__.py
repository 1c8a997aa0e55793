"""Limits of columns that their names or their frequencies show."""
