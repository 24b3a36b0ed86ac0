"""Stage 4, equivariance: whether moving the input of a layer moves its output, for every layer of trained networks."""

import argparse
from pathlib import Path

import pandas as pd

from invariance.artefacts import load_array
from invariance.command_line import counted, json_mapping, natural, progress, run
from invariance.equivariance import COLUMNS, measure, untrained
from invariance.images import place_on_canvas
from invariance.tables import write_table
from invariance.training import as_input, one_thread
from invariance.weights import load_weights


def main() -> None:
    """Measure every network, as it was before its training and after it; write one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=json_mapping(), required=True, help="name -> entry in the config, as JSON")
    parser.add_argument(
        "--weights", type=Path, nargs="+", required=True, help=".../<model>/<training>/seed-<n>/weights.safetensors"
    )
    parser.add_argument("--images", type=Path, required=True, help="test images, uint8 (n, 28, 28), .npy")
    parser.add_argument(
        "--settings",
        type=json_mapping(canvas=int, images=int, max_shift=int),
        required=True,
        help='{"canvas": 40, "images": 32, "max_shift": 8}: pixels; the first so many test images are shifted',
    )
    parser.add_argument("--output", type=Path, required=True, help="output, .csv: a row a layer, place and shift")
    arguments = parser.parse_args()

    one_thread()
    settings, tables = arguments.settings, []
    images = as_input(place_on_canvas(load_array(arguments.images)[: settings["images"]], settings["canvas"])).double()
    for path in arguments.weights:
        name, seed = path.parts[-4], natural(path.parts[-2].removeprefix("seed-"))
        model = untrained(arguments.models[name], settings["canvas"], seed)
        for weights in ("untrained", "trained"):
            if weights == "trained":
                load_weights(model, path)
            with counted():
                table = pd.DataFrame(measure(model, images, settings["max_shift"]), columns=COLUMNS)
            about = {"model": name, "seed": seed, "weights": weights}
            tables.append(table.assign(**about)[[*about, *COLUMNS]])
            largest = table[table.exact].error.max()
            progress(f"{name}, seed {seed}, {weights}: error of at most {largest:.2g} where theory says 0")
    write_table(arguments.output, pd.concat(tables))


if __name__ == "__main__":
    run(main)
