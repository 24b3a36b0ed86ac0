"""The plan: reading the config, checking it, and what follows from it: cells, file names, the catalogue of studies."""
