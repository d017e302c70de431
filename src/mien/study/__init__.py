"""Studies of participants: baselines, summaries for each participant, statistics, a report."""
