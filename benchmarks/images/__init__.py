"""Image flows: bits per dimension at a budget, as their papers train them, and directions in a latent space."""
