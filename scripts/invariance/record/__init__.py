"""What is kept of a run: artefacts and their hashes, manifest, reference, costs, the code that made them."""
