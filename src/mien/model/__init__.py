"""Read a model's contract and run its network."""
