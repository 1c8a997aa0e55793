"""Real tables: families of flows beside each other, and the patches of BSDS300."""
