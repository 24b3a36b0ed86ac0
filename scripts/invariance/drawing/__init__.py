"""The style of the figures and the parts that they share."""
