"""The interactive page: what it shows, the plain text of its sources, and one file made of both."""
