"""The HTTP service: the same answers over HTTP, and the page that is served beside them."""
