"""Maps of one number at a time, which also serve as `inner` of couplings and autoregressive layers."""
