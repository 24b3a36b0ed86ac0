"""The studies: one folder each, with its claims, its figures and its tables."""
