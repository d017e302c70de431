"""Detect faces in an image, and crop them to model inputs."""
