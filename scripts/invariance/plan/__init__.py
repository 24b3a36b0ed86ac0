"""The plan: reading and checking the config, and what follows from it: cells, file names, the catalogue of studies."""
