"""Recipes of windows of series."""
