"""Whole numbers and categories: rounded maps, codes, and dequantisation."""
