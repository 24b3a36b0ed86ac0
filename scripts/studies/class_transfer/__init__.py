"""The study class_transfer."""
