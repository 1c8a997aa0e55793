"""Odd images: how they are told from ordinary ones."""
