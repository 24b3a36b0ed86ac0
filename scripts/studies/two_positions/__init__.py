"""The study two_positions."""
