"""Sound: clips from files as whole numbers, segments of one length, mel spectrograms."""
