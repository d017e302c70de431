"""How good a model is: metrics, intervals, plots and comparisons."""
