"""Tables in files that are read while a model is fitted to them (design record 0054)."""
