"""Analyze studies: baselines, summaries per participant, statistics and a report."""
