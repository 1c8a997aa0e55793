"""What `pushforward fit` does between its options and the model."""
