"""Recipes that add a network or a bend to their input."""
