"""Stage 4, equivariance: whether moving the input of a layer moves its output, for every layer of trained networks."""

import argparse
import re
from collections.abc import Container, Sequence
from pathlib import Path

from invariance.command_line import counted, json_mapping, progress, run
from invariance.data.images import place_on_canvas
from invariance.learning.equivariance import COLUMNS, measure, untrained
from invariance.learning.training import as_input, one_thread
from invariance.learning.weights import load_weights
from invariance.record.artefacts import InputError, load_array, write_text


def network_of(path: Path, models: Container[str]) -> tuple[str, int]:
    """The model and the seed of weights, .../<model>/<training>/seed-<n>/<file>.

    Raises:
        InputError: the path is not of that form, or its model is none of `models`.
    """
    found = re.search(r"(\w+)/\w+/seed-(\d+)/[^/]+$", path.as_posix())
    if not found or found[1] not in models:
        raise InputError(f"{path}: no <model>/<training>/seed-<n>/weights.safetensors of a model that --models names")
    return found[1], int(found[2])


def line(values: Sequence[object]) -> str:
    """Comma-separated values, with eight significant digits; one that is not a number is left out."""
    numbers = [f"{value:.8g}" if isinstance(value, float) else str(value) for value in values]
    return ",".join("" if number == "nan" else number for number in numbers) + "\n"


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
    settings, lines = arguments.settings, [line(["model", "seed", "weights", *COLUMNS])]
    images = as_input(place_on_canvas(load_array(arguments.images)[: settings["images"]], settings["canvas"])).double()
    for path in arguments.weights:
        name, seed = network_of(path, arguments.models)
        model = untrained(arguments.models[name], settings["canvas"], seed)
        for weights in ("untrained", "trained"):
            if weights == "trained":
                load_weights(model, path)
            with counted():
                rows = list(measure(model, images, settings["max_shift"]))
            lines += [line([name, seed, weights, *row]) for row in rows]
            largest = max((error for *_, exact, error in rows if exact), default=0)
            progress(f"{name}, seed {seed}, {weights}: error of at most {largest:.2g} where theory says 0")
    write_text(arguments.output, "".join(lines))


if __name__ == "__main__":
    run(main)
