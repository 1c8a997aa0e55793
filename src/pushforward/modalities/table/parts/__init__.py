"""A part of the rows in each of several processes."""
