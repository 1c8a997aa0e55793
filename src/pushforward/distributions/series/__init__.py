"""Windows of series, given what came before them."""
