"""HTTP service with the results of `mien analyze`, and the web page."""
