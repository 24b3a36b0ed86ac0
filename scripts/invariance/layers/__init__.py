"""Layers of the networks. Each file holds one layer: its module, gradient, compiled loops and declared window."""
