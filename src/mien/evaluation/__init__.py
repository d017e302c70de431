"""Evaluate models: metrics, intervals, plots and comparisons."""
