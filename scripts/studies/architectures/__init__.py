"""The study architectures."""
