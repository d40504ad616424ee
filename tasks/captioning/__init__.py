"""Captioning: one sentence an image, scored as pycocoevalcap scores it."""
