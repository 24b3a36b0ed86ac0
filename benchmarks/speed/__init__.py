"""What the programs in benchmarks/ share: contenders, ceilings, counts and reports."""
