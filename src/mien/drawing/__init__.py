"""What drawings are made of: fonts, colours, places, shapes and words."""
