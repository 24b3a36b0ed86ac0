"""What the programs in benchmarks/ share: contenders, ceilings, counts, and how the results are written down."""
