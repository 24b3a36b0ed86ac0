"""Layers of the networks, one file a layer: module, gradient and compiled loop together, and what it says of itself."""
