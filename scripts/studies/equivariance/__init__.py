"""The study equivariance."""
