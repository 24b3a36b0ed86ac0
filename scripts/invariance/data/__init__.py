"""Images: where they come from, and how they lie on their canvas."""
