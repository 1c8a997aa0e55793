"""Fits to rows with missing cells."""
