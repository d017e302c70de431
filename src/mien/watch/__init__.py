"""Live camera view: a local page and its server."""
