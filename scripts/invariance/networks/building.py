"""Build networks by the name of their family; functions that apply to any network.

Every network maps float images (n, 1, canvas, canvas), background 0 and ink up to 1, to logits (n, classes). A family
is a module of this package with its OPTIONS, a literal that says what its entry in config.yaml may hold, and a function
build(canvas, classes, **options).
"""

import importlib
import itertools
import math
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import nn

from invariance.layers.window import in_sequence, known_window, layers_of, window_of
from invariance.plan.declarations import NETWORKS, families, layer_file, layer_names, literal
from invariance.record.artefacts import InputError

CLASSES = 10  # of MNIST


def build_model(settings: Mapping[str, Any], canvas: int, classes: int = CLASSES) -> nn.Module:
    """Build one entry of `models` in config.yaml, with fresh weights from torch's global generator.

    Args:
        settings: the entry; that of a phase average holds the entry of the averaged model in place of its name.
        canvas: side of the images, pixels.
        classes: logits.

    Raises:
        InputError: the family is unknown, cannot be imported, or does not take these options.
    """
    options = {name: value for name, value in settings.items() if name != "family"}
    family = settings.get("family")
    try:
        if family not in families():
            raise ValueError(f"no family {family!r}")
        return imported("networks", NETWORKS / f"{family}.py").build(canvas=canvas, classes=classes, **options)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise InputError(
            f"model {dict(settings)}: cannot be built ({error}); allowed: an entry as in `models` of config.yaml, "
            f"of the family {', '.join(families())}"
        ) from None


def imported(wing: str, file: Path) -> ModuleType:
    """The module of a family or a layer, from the wing `networks` or `layers`.

    Raises:
        InputError: its file cannot be imported.
    """
    try:
        return importlib.import_module(f"invariance.{wing}.{file.stem}")
    except (ImportError, SyntaxError) as error:
        raise InputError(f"{file}: cannot be imported ({error}); fix this file") from error


def build_layer(name: str, mode: str) -> nn.Module:
    """The layer of scripts/invariance/layers/<name>.py that halves maps padded as `mode` says, zeros or circular.

    Raises:
        InputError: there is no such layer, its window is unknown, or does not give the size of its output.
    """
    file, side = layer_file(name), 12
    if name not in layer_names():
        raise InputError(
            f"no layer {name!r} to halve maps with; allowed: {', '.join(layer_names())}, or a new file {file} with its "
            "class, and DOWNSAMPLING, the name of that class"
        )
    made = getattr(imported("layers", file), literal(file, "DOWNSAMPLING"), None)
    if made is None:
        raise InputError(f"{file}: DOWNSAMPLING names nothing in this file; allowed: the name of its class")
    layer = made(mode)
    expected, given = window_of(layer).output_side(side), list(layer(torch.zeros(1, 1, side, side)).shape[2:])
    if given != [expected, expected]:
        raise InputError(f"{file}: its window says that {side} pixels become {expected}, but they become {given}")
    return layer


def count_parameters(model: nn.Module) -> int:
    """Number of parameters, frozen ones included."""
    return sum(parameter.numel() for parameter in model.parameters())


def train_part(model: nn.Module, part: str) -> None:
    """Freeze all weights but those of one part.

    Args:
        model: a sequence of layers, unless all of it is trained.
        part: all; head (from the layer on that flattens the maps, or averages them); or last_layer (that has weights).

    Raises:
        InputError: the network has no such part.
    """
    if part == "all":
        return
    layers = list(layers_of(model))
    if part == "head":
        begins = [number for number, layer in enumerate(layers) if getattr(known_window(layer), "is_head", False)][:1]
    else:
        begins = [number for number, layer in enumerate(layers) if count_parameters(layer)][-1:]
    if not begins or not in_sequence(model):
        raise InputError(
            f"trained_part: {part}: this network is no sequence of layers with such a part; allowed: all, or another "
            "model"
        )
    for layer in layers[: begins[0]]:
        layer.requires_grad_(False)


def for_inference(model: nn.Module) -> nn.Module:
    """The network in evaluation mode, with each batch normalisation folded into the convolution before it."""
    if not in_sequence(model):
        return model.eval()
    layers: list[nn.Module] = []
    for layer in layers_of(model):
        folded = layer.folded_into(layers[-1]) if layers and hasattr(layer, "folded_into") else None
        if folded is not None:
            layers[-1] = folded
        elif not isinstance(layer, nn.Identity):
            layers.append(layer)
    return nn.Sequential(*layers).eval()


def total_stride(model: nn.Module) -> int:
    """Pixels of the input between neighbouring pixels of the last maps.

    Raises:
        InputError: the window of a layer is not known.
    """
    before_head = itertools.takewhile(lambda window: not window.is_head, map(window_of, layers_of(model)))
    return math.prod(window.stride for window in before_head)
