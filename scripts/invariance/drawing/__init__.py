"""The style and the shared parts of the figures."""
