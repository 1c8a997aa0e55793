"""Maps of arrays of pixels: squeezing, checkerboards, several scales."""
