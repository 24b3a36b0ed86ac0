"""A user's own network: a class in any Python file.

    my_network: {family: file, file: my_network.py, class: Net, options: {width: 16}}

It is built as Net(canvas=..., classes=..., **options), without those of which its constructor has no parameter;
`num_classes` is `classes`, too. It maps float images (n, 1, canvas, canvas), background 0 and ink up to 1, to logits
(n, classes). It may import modules beside its file. Building tests it, and an error says what is wrong and what to do.
"""

import copy
import importlib.util
import inspect
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import safetensors.torch
import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from invariance.plan.declarations import user_file
from invariance.record.artefacts import InputError

OPTIONS = {
    "file": {
        "description": "a Python file, by its path from the project's folder",
        "type": "string",
        "minLength": 1,
        "file": True,
    },
    "class": {"description": "the name of a class in that file, an nn.Module", "type": "string", "minLength": 1},
    "options": {
        "description": "what its constructor is given, besides `canvas` and `classes`",
        "type": "object",
        "default": {},
    },
}


def build(canvas: int, classes: int, file: str, options: Mapping[str, Any] | None = None, **rest: Any) -> nn.Module:
    """Build the network and test it.

    Args:
        canvas: side of the images, pixels.
        classes: logits.
        file: by its path from the project's folder.
        options: what the constructor is given besides `canvas` and `classes`.
        rest: `class`, the name of the class.

    Raises:
        InputError: there is no such file or class, or the network cannot be built, trained or saved.
    """
    path, name = user_file(file), rest["class"]
    model = constructed(path, name, canvas, classes, options or {})
    with torch.random.fork_rng(devices=[]):
        problem = problem_of(model, torch.rand(2, 1, canvas, canvas), classes)
    if problem:
        raise InputError(f"{path}: {name}: {problem}")
    return model


def constructed(path: Path, name: str, canvas: int, classes: int, options: Mapping[str, Any]) -> nn.Module:
    """An object of the class `name` of a file, with `options`, and canvas and classes if its constructor takes them.

    Raises:
        InputError: there is no such file or class, or it cannot be built.
    """
    where = f"{path}: {name}"
    network = getattr(imported(path), name, None)
    if not (isinstance(network, type) and issubclass(network, nn.Module)):
        what = "there is none of that name" if network is None else "it is something else"
        raise InputError(f"{where}: {what}; allowed: the name of a class of this file that is an nn.Module")
    known, given = {"canvas": canvas, "classes": classes, "num_classes": classes}, {}
    try:
        parameters = inspect.signature(network).parameters
        given = {key: value for key, value in known.items() if key in parameters and key not in options}
        model = network(**given, **options)
    except Exception as error:
        called = f"{name}({''.join(f'{key}=..., ' for key in given)}**options)"
        raise InputError(
            f"{where}: cannot be built with options {dict(options)} ({in_a_line(error)}); it is "
            f"called as {called}: let its constructor take these options, and have defaults for all others"
        ) from error
    if any(map(is_lazy, model.parameters())):
        raise InputError(f"{where}: has lazy layers, whose weights have no size yet; allowed: layers with their sizes")
    return model


def imported(path: Path) -> ModuleType:
    """Import the module at `path`; from then on, modules beside it can be imported too.

    Raises:
        InputError: there is no such file, or importing it fails.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file; allowed: a Python file, by its path from the project's folder")
    if str(path.parent) not in sys.path:
        sys.path.insert(0, str(path.parent))
    specification = importlib.util.spec_from_file_location(f"network_file_{path.stem}", path)
    if specification is None:
        raise InputError(f"{path}: not a Python file; allowed: one whose name ends in .py")
    module = sys.modules[specification.name] = importlib.util.module_from_spec(specification)
    try:
        specification.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise InputError(
            f"{path}: cannot be imported ({in_a_line(error)}); fix this file: what runs a program belongs below "
            'if __name__ == "__main__", and what it imports beside it, in an installed package or on PYTHONPATH'
        ) from error
    return module


def in_a_line(error: BaseException) -> str:
    """The type of an error, and its text on one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def are_probabilities(given: Tensor | np.ndarray) -> bool:
    """Whether all rows (n, classes) look like what a softmax gives."""
    return bool((given >= 0).all() and (abs(given.sum(1) - 1) < 1e-3).all())


def problem_of(model: nn.Module, images: Tensor, classes: int) -> str | None:
    """Why a network cannot be trained, evaluated or saved, and what to do; None if it can.

    Args: model, left unchanged; images, float (2, 1, canvas, canvas), from 0 to 1; classes, logits.
    """
    try:
        model = copy.deepcopy(model)
        training = model.train()(images)
        with torch.no_grad():
            logits, again = model.eval()(images), model(images)
    except Exception as error:
        return (
            f"fails on images {tuple(images.shape)} ({in_a_line(error)}); it must map float images "
            f"(n, 1, canvas, canvas) to logits (n, {classes})"
        )
    for given in (training, logits):
        if not isinstance(given, Tensor) or given.shape != (len(images), classes):
            what = tuple(given.shape) if isinstance(given, Tensor) else f"a {type(given).__name__}"
            return f"gives {what} for images {tuple(images.shape)}; allowed: logits {(len(images), classes)}"
        if given.dtype != torch.float32:
            return f"gives logits of {given.dtype} for images of torch.float32; allowed: torch.float32"
        if not given.isfinite().all():
            return "gives logits that are not finite; let its fresh weights give finite ones"
        if are_probabilities(given):
            return "gives probabilities; allowed: logits, for the loss takes the softmax itself: leave it out"
    if not logits.equal(again):
        return (
            "gives other logits for the same images; in evaluation mode (`self.training` is False) it must draw no "
            "random numbers"
        )
    if training.requires_grad:
        training.sum().backward()
    if all(parameter.grad is None for parameter in model.parameters()):
        return "has no parameters with a gradient, so there is nothing to train; make its weights of type nn.Parameter"
    try:
        safetensors.torch.save({name: tensor.contiguous() for name, tensor in model.state_dict().items()})
    except Exception as error:
        return (
            f"has weights that safetensors cannot hold ({in_a_line(error)}); allowed: a state_dict of tensors alone, "
            "no two of which share memory"
        )
    return None
