"""The study simard2003."""
