"""What drawings are made of: fonts, colours, places and shapes."""
