"""Matrices, and the scales and shifts of channels."""
