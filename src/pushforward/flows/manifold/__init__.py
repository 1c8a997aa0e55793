"""Recipes on circles and spheres."""
