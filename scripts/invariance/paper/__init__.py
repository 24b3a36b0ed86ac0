"""Numbers and tables as TeX."""
