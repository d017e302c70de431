"""Process many files in one run: parallel reading, incremental output, resumable."""
