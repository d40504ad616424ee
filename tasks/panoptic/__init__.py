"""Panoptic segmentation: every pixel its segment, scored as panopticapi scores it."""
