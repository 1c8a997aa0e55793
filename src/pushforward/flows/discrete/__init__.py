"""Recipes of whole numbers and categories."""
