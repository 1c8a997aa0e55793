"""Flows over latent variables: variational autoencoders."""
