"""The study split."""
