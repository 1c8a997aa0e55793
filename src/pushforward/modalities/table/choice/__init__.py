"""Which flow for a table: cross-validation of several, beside one Gaussian."""
