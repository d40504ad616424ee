"""Detection: boxes and masks, scored as COCO scores them."""
