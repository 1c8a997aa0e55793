"""Recipes in which each column is given those before it."""
