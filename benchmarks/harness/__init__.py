"""How libraries are timed side by side: workers, turns, records of results, ratios, comparisons of runs."""
