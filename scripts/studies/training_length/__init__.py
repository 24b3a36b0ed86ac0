"""The study training_length."""
