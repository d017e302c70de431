"""Many files in one run: read side by side, written as they come, resumed where they stopped."""
