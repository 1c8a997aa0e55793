"""Recipes in continuous time."""
