"""Text tables as people write them: their marks, their blanks and comments, and cells that are nearly numbers."""
