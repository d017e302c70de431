"""The HTTP service: the answers of `mien analyze` over HTTP, and the web page."""
