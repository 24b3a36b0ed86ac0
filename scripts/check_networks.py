"""Before stage 3: try networks of the user's own on two images, so that mistakes are reported before any training."""

from invariance.command_line import Json, run
from invariance.learning.equivariance import stages_of
from invariance.learning.training import one_thread
from invariance.networks.building import build_model, train_part
from invariance.record.artefacts import InputError


def main(*, networks: Json) -> None:
    """Build each, which tries it, and look for the windows of its layers if their equivariance is to be measured.

    Args:
        networks: JSON list of [entry in the config, side of the canvas in pixels, classes, whether to measure layers,
            parts that are trained]: '[[{"family": "file", "file": "net.py", "class": "Net"}, 40, 10, false, ["all"]]]'.
    """
    one_thread()
    problems = []
    for settings, canvas, classes, layer_by_layer, parts in networks:
        try:
            network = build_model(settings, canvas, classes)
            if layer_by_layer:
                stages_of(network)
            for part in parts:
                train_part(network, part)
        except InputError as error:
            where = f"{settings['file']}: {settings['class']}"
            named = str(error) if where in str(error) else f"{where}: {error}"
            problems.append(f"{named} (canvas {canvas}, {classes} classes)")
    if problems:
        raise InputError("\n".join(dict.fromkeys(problems)))


if __name__ == "__main__":
    run(main)
