"""Fits and scores of more rows than one memory, process or machine holds."""
