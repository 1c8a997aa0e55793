"""Odd rows of a table: how they are told, and which columns make them odd."""
