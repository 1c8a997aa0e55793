"""Recipes for sound: events are `(length,)` samples of one channel."""
