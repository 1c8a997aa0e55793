"""Sound: what WaveNets cost, and what training WaveGlow does, beside the same architecture in torch."""
