"""Building blocks of drawings: fonts, colours, placement and shapes."""
