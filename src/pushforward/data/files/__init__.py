"""Formats beside text and Arrow's own, and what goes beside the values of any."""
