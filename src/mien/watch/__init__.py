"""The live camera view: a local page and its server."""
