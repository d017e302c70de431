"""A model file: what it promises, and running it."""
