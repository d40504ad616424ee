"""The image-to-tokens model family."""
