"""Colorization: colours for a grey image, scored by colourfulness, closeness to the truth and distance of features."""
