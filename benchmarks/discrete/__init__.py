"""Discrete data: binary columns, categories, and what lossless codes cost in bytes."""
