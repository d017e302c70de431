"""Decode, track, smooth and annotate videos, and find events."""
