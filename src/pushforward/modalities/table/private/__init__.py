"""Fits to tables with differential privacy."""
