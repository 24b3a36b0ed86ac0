"""The study summary."""
