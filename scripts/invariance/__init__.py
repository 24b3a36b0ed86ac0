"""The library behind the pipeline: data, distortions, models, training, measures, statistics, claims, plots.

Data flows one way, in that order; no module imports one that comes after it. Modules that import torch are `layers`,
`models`, `training`, `checkpoints`, `weights` and `evaluation`; making data, tables and figures goes without it.
"""
