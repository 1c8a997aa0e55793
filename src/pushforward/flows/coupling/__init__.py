"""Recipes of couplings: one half moved given the other."""
