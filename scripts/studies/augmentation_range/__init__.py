"""The study augmentation_range."""
