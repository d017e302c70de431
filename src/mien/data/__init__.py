"""Labelled faces: reading, checking and splitting datasets. Needs no PyTorch."""
