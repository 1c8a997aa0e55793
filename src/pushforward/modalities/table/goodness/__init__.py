"""Whether the fit of a table is good."""
