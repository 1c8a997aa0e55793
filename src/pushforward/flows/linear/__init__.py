"""Baselines: one Gaussian, and rotations between maps of single columns."""
