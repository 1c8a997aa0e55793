"""Parts of a table: one for each of several processes."""
