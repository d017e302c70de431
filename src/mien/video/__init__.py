"""Videos: decoding, tracking, smoothing, events and annotated copies."""
