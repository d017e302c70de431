"""The upper floor: data -> augment -> model -> fit -> evaluate -> export (extra: train)."""
