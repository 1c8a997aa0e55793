"""What commands are made of: help, options, what modalities add, errors, output, caches."""
