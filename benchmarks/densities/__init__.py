"""Densities that are known, and data on manifolds: every recipe in the plane, training to a density, inference."""
