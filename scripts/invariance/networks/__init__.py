"""Networks. Each file holds one family and is found by its name."""
