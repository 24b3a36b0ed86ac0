"""The figure of predicted run times."""

from pathlib import Path

import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from invariance.drawing.style import PNG, TEXT_WIDTH, style
from invariance.record.artefacts import whole_file


def draw(minutes: pd.DataFrame, critical: float, png: Path) -> None:
    """Minutes by cores, both on logarithmic axes; the critical path as a line that nothing can go below."""
    style()
    cores = list(minutes["cores"])
    figure = Figure(figsize=(0.7 * TEXT_WIDTH, 2.6), layout="constrained")
    axes = figure.subplots()
    names = {"one_machine": "one machine", "slurm": "Slurm"}
    long = minutes.rename(columns=names).melt("cores", var_name="where", value_name="minutes")
    sns.lineplot(long, x="cores", y="minutes", hue="where", style="where", markers=["o", "s"], dashes=False, ax=axes)
    axes.axhline(critical, color="0.4", dashes=(4, 2), linewidth=0.8)
    axes.annotate("critical path", (cores[0], critical), (0, 3), textcoords="offset points", color="0.3", fontsize=8)
    axes.set(xscale="log", yscale="log", xlabel="cores", ylabel="predicted minutes", xticks=cores[::2])
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.set_xticks([], minor=True)
    axes.set_yticks([tick for tick in (3, 10, 30, 100, 300) if tick > 0.8 * critical])
    axes.set_yticks([], minor=True)
    axes.set_ylim(bottom=0.8 * critical, top=1.3 * long["minutes"].max())
    axes.grid(axis="y")
    axes.legend(title=None)
    with whole_file(png) as temporary:
        figure.savefig(temporary, **PNG)
