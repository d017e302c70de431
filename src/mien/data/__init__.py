"""Read, check and split datasets of labelled faces; requires no PyTorch."""
