"""Training, evaluating, and the weights and checkpoints in between."""
