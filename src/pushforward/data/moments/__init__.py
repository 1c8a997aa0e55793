"""Dates, times of day and durations: what the numbers of such a column count, and how they are written."""
