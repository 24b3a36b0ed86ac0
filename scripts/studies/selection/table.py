"""How settings were chosen, as TeX."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from invariance.paper import tex
from invariance.paper.tex import number, with_gaps
from invariance.plan.plan import Plan
from invariance.results.labels import label

TRIED = ["schedule", "learning_rate", "averaging", "epochs"]


def taken_settings(config: Mapping[str, Any]) -> set[tuple]:
    """Model, distortion and TRIED settings of every training of the config."""
    plan = Plan(config)
    used = [(cell.model, plan.training_settings(*cell[:3])) for cell in plan.trained]
    return {(model, its["distortion"], *(its["optimisation"][key] for key in TRIED)) for model, its in used}


def tabular(tables: Mapping[str, pd.DataFrame], config: Mapping[str, Any]) -> str:
    """The validation error and loss of each setting that was tried; in bold the settings that the plan takes.

    Args:
        tables: committed ones, one row per setting and measure, over seeds.
        config: the plan of one data set.
    """
    taken = taken_settings(config)
    rows = []
    for setting, group in pd.concat(tables.values()).groupby(["model", "distortion", *TRIED], sort=False):
        measures = group.set_index("measure")
        error, loss = measures.loc["validation_error"], measures.loc["validation_loss"]
        model, distortion, schedule, rate, averaging, epochs = setting
        cells = [
            schedule.replace("_", "-"),
            f"{rate:g}",
            f"{averaging:g}",
            f"{epochs}",
            f"{number(error['mean'])} ({number(error.best)}--{number(error.worst)})",
            f"{number(loss['mean'], 4)}",
            f"{int(error.seeds)}",
        ]
        cells = [f"\\textbf{{{cell}}}" if setting in taken else cell for cell in cells]
        rows.append((f"{label(model)}, {label(distortion)}", cells))
    header = ["Model, training", "Schedule", "Rate", "Averaged", "Epochs", r"Error (\%)", "Loss", "Seeds"]
    return tex.tabular("lllrrlrr", header, with_gaps(rows))
