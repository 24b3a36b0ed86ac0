"""The library behind the pipeline: data, distortions, models, training, measures, statistics, claims, plots.

Data flows one way, in that order; no module imports one that comes after it. Modules that import torch are `layers`,
`models`, `training`, `checkpoints`, `weights` and `evaluation`; making data, tables and figures goes without it.

`invariance.shift_grid` measures any network; it imports torch when it is first asked for.
"""


def __getattr__(name: str) -> object:
    if name == "shift_grid":
        from invariance.shifts import shift_grid

        return shift_grid
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
