"""Train networks with PyTorch and Lightning (extra: train)."""
