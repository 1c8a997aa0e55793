"""Maps with a triangular Jacobian: each coordinate given those before it."""
