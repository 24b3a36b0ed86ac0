"""Distortions of images: random numbers, displacement fields, the warp, and the audit by a second engine."""
