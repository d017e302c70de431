"""Turn a camera into a live view on this machine alone: a page and its server."""
