"""From an image to faces, and from faces to model inputs."""
