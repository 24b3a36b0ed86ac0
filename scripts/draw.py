"""Draw one figure of the paper, as PDF and as PNG, from the files named on the command line."""

import argparse
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from invariance.command_line import run
from invariance.data.images import place_on_canvas
from invariance.drawing import plots
from invariance.plan.cells import cell
from invariance.record.artefacts import InputError, load_array, read_json, require_unaltered

RING_COLUMNS = ["model", "training", "ring", "measure", "mean", "low", "high"]
MEASURE_COLUMNS = ["model", "training", "measure", "mean", "low", "high"]
SIMARD_COLUMNS = ["model", "training", "published", "mean", "low", "high", "best", "worst"]
SUMMARY_TABLES = {
    "architectures": MEASURE_COLUMNS,
    "augmentation_range": MEASURE_COLUMNS,
    "simard2003-published": SIMARD_COLUMNS,
    "equivariance": ["kind", "padding", "stride", "scope", "place", "shift", "error"],
}
SAMPLES = 10  # images shown of each distortion


def main() -> None:
    """Read the command line, draw, write both files."""
    arguments = parse()
    plots.style()
    plots.save(arguments.draw(arguments), arguments.output, arguments.png, arguments.dataset)


def parse() -> argparse.Namespace:
    """The command line; `draw` is the function of the figure that was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    figures = parser.add_subparsers(title="figures", metavar="FIGURE", required=True)

    figure = add_figure(figures, summary)
    figure.add_argument("--claims", type=Path, required=True, help="claims.json")
    figure.add_argument(
        "--tables", type=Path, nargs="+", required=True, help=f"those there are of {', '.join(SUMMARY_TABLES)}"
    )

    figure = add_figure(figures, sample_distortions)
    figure.add_argument("--source", type=Path, required=True, help="undistorted images, .npy")
    figure.add_argument("--canvas", type=int, required=True, help="side of the distorted images, in pixels")
    figure.add_argument(
        "--distortion",
        type=named_path,
        action="append",
        default=[],
        metavar="NAME=PATH",
        help="a copy of the distorted images, .npy; may be given again, and is drawn in the order given",
    )

    figure = add_figure(figures, learning_curves)
    figure.add_argument(
        "--history", type=Path, nargs="+", required=True, help=".../<model>/<training>/seed-<n>/history.csv"
    )

    figure = add_figure(figures, training_length)
    figure.add_argument("--table", type=Path, required=True, help="measures of the study, over seeds")
    figure.add_argument("--published", type=Path, required=True, help="Simard's Table 1")

    figure = add_figure(figures, accuracy_vs_shift)
    figure.add_argument("--rings", type=Path, required=True, help="table of accuracy and consistency by ring")

    figure = add_figure(figures, heat_maps)
    figure.add_argument("--cells", type=cell, nargs="+", required=True, help="study/model/training/seed of each grid")
    figure.add_argument(
        "--shifts",
        type=Path,
        nargs="+",
        required=True,
        help=".../seed-<n>.csv of each; models and trainings are drawn in the order given",
    )

    figure = add_figure(figures, simard_table)
    figure.add_argument("--table", type=Path, required=True, help="test errors beside the published ones")

    figure = add_figure(figures, equivariance)
    figure.add_argument("--table", type=Path, required=True, help="errors by layer, place and shift")

    figure = add_figure(figures, augmentation_range)
    figure.add_argument("--table", type=Path, required=True, help="measures of the study, over seeds")
    figure.add_argument("--rings", type=Path, required=True, help="table of accuracy and consistency by ring")

    figure = add_figure(figures, class_transfer)
    figure.add_argument("--runs", type=Path, required=True, help="measures by class, a row a trained model and group")

    figure = add_figure(figures, split)
    figure.add_argument("--table", type=Path, required=True, help="measures of the study, over seeds")
    figure.add_argument("--shares", type=Path, required=True, help="how its variance splits, over seeds")

    figure = add_figure(figures, two_positions)
    figure.add_argument("--runs", type=Path, required=True, help="how well positions are told, a row a trained model")
    return parser.parse_args()


def add_figure(figures: argparse._SubParsersAction, draw) -> argparse.ArgumentParser:
    """Add the sub-command of the figure that `draw` draws, with the arguments that all figures have."""
    figure = figures.add_parser(draw.__name__, help=draw.__doc__, description=draw.__doc__)
    figure.set_defaults(draw=draw)
    figure.add_argument("--dataset", choices=["mnist", "digits"], required=True, help="what the inputs were made from")
    figure.add_argument("--output", type=Path, required=True, help="the PDF to write")
    figure.add_argument("--png", type=Path, required=True, help="the PNG to write")
    return figure


def named_path(text: str) -> tuple[str, Path]:
    """Argparse type of NAME=PATH."""
    name, equals, path = text.partition("=")
    if not (name and equals and path):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=PATH")
    return name, Path(path)


def summary(arguments: argparse.Namespace) -> Figure:
    """Every claim with its verdict and what it rests on: the answer at a glance."""
    tables = {path.stem: read_table(path, SUMMARY_TABLES[path.stem]) for path in arguments.tables}
    return plots.summary(read_json(arguments.claims), tables)


def sample_distortions(arguments: argparse.Namespace) -> Figure:
    """The first ten images, undistorted and under every distortion."""
    images = load_array(arguments.source, mapped=True)[:SAMPLES]
    rows = {"original": place_on_canvas(images, arguments.canvas)}
    for name, path in arguments.distortion:
        rows[name] = load_array(path, mapped=True)[:SAMPLES]
        if rows[name].shape[1:] != rows["original"].shape[1:]:
            raise InputError(
                f"{path}: images of shape {rows[name].shape[1:]}, where --canvas says {arguments.canvas} pixels a side"
            )
    return plots.sample_distortions(rows)


def learning_curves(arguments: argparse.Namespace) -> Figure:
    """Validation error against epoch, for every training of each model."""
    columns = ["epoch", "validation_error"]
    return plots.learning_curves(pd.concat(read_cell(path, columns) for path in arguments.history))


def training_length(arguments: argparse.Namespace) -> Figure:
    """Test error against the number of epochs."""
    table = read_table(arguments.table, MEASURE_COLUMNS)
    return plots.training_length(table, read_table(arguments.published, ["model", "training", "error_percent"]))


def accuracy_vs_shift(arguments: argparse.Namespace) -> Figure:
    """Accuracy and consistency against shift size, for every model."""
    return plots.accuracy_vs_shift(read_table(arguments.rings, RING_COLUMNS))


def heat_maps(arguments: argparse.Namespace) -> Figure:
    """Accuracy at every shift, for chosen models and trainings, averaged over seeds."""
    columns = ["dx", "dy", "accuracy"]
    grids = zip(arguments.cells, arguments.shifts, strict=True)
    return plots.heat_maps(pd.concat(read_table(path, columns).assign(**run_named) for run_named, path in grids))


def simard_table(arguments: argparse.Namespace) -> Figure:
    """Test errors beside those that Simard, Steinkraus and Platt published."""
    return plots.simard_table(read_table(arguments.table, SIMARD_COLUMNS))


def equivariance(arguments: argparse.Namespace) -> Figure:
    """Relative equivariance error against shift, for telling kinds of layers."""
    columns = ["model", "seed", "weights", "layer", "kind", "padding", "stride", "scope", "place", "shift", "error"]
    return plots.equivariance(read_table(arguments.table, columns))


def augmentation_range(arguments: argparse.Namespace) -> Figure:
    """Radius of invariance against training range, and accuracy against shift size."""
    table = read_table(arguments.table, MEASURE_COLUMNS)
    return plots.augmentation_range(table, read_table(arguments.rings, RING_COLUMNS))


def class_transfer(arguments: argparse.Namespace) -> Figure:
    """Error of shifted digits of each group of classes, by training."""
    columns = ["training", "seed", "group", "shown", "clean_error", "mean_error", "mean_called_other"]
    return plots.class_transfer(read_table(arguments.runs, columns))


def split(arguments: argparse.Namespace) -> Figure:
    """Mean error of every architecture with every augmentation, and how the variance splits between them."""
    table = read_table(arguments.table, MEASURE_COLUMNS)
    return plots.split(table, read_table(arguments.shares, ["measure", "share", "mean"], at_least=0))


def two_positions(arguments: argparse.Namespace) -> Figure:
    """How often each model tells the position, and how far its logits differ between positions."""
    return plots.two_positions(
        read_table(arguments.runs, ["model", "seed", "chance", "accuracy", "drift", "float64_drift"])
    )


def read_cell(path: Path, columns: list[str]) -> pd.DataFrame:
    """Read one trained model's CSV, naming its model, training and seed after its folder, .../model/training/seed-n."""
    model, training, seed = path.parts[-4:-1]
    return read_table(path, columns).assign(model=model, training=training, seed=seed)


def read_table(path: Path, columns: list[str], at_least: int = 1) -> pd.DataFrame:
    """Read a CSV with a header and `at_least` so many rows.

    `none` names a training, so that only an empty field is missing.

    Raises:
        InputError: the file is missing, altered, empty, no CSV, or lacks one of `columns`.
    """
    require_unaltered(path)
    try:
        table = pd.read_csv(path, keep_default_na=False, na_values=[""])
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not a CSV file ({error}); delete it to have it made again") from None
    missing = [column for column in columns if column not in table.columns]
    if missing or len(table) < at_least:
        what = f"lacks the columns {', '.join(missing)}" if missing else "has no rows"
        raise InputError(f"{path}: {what}; delete it to have it made again")
    return table


if __name__ == "__main__":
    run(main)
