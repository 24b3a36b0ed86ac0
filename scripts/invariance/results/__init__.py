"""From predictions to verdicts: measures, statistics, tables, claims, and what things are called."""
