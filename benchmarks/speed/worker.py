"""One version of the code at work: reads jobs, one JSON a line, and answers each with its seconds of CPU time.

    python benchmarks/speed/worker.py <the project's folder, of any version>

It uses only what every version has in common, so it must keep to functions that older commits have as well.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(sys.argv[1]) / "scripts"))

import numpy as np
import torch

from invariance.distortions.fields import Distortion, distort, random_key
from invariance.learning import training
from invariance.learning.evaluation import InDoublePrecision, logits_over_shifts
from invariance.networks.building import build_model


def prepared(job: dict[str, Any]) -> Callable[[], Any]:
    """What a job asks for, ready to be timed. Its `images` and `labels` are .npy files."""
    images, labels = (np.load(job[part], allow_pickle=False) for part in ("images", "labels"))
    if job["stage"] == "distort":
        parts, key = Distortion.from_settings(job["settings"]), random_key("mnist", images.shape[-1], job["name"], 0)
        return lambda: distort(images, parts, key)
    torch.manual_seed(0)
    network = build_model(job["model"], images.shape[-1])
    if job["stage"] == "train":
        for name in job["frozen"]:
            network.get_parameter(name).requires_grad_(False)
        last = slice(-job["validation"], None)
        validation, optimisation = (images[last], labels[last]), job["optimisation"] | {"epochs": 1}
        return lambda: training.train(network, [images], labels, validation, optimisation, 0)
    shifts = [tuple(shift) for shift in job["shifts"]]
    if job["positions"]:
        networks = network, InDoublePrecision(network)
        return lambda: [logits_over_shifts(one, images, shifts) for one in networks]
    shifted = images[: job["shifted"]]
    return lambda: (training.predict(network, images), logits_over_shifts(network, shifted, shifts))


def serve() -> None:
    """Answer every job with its seconds of CPU time; what trainings say goes to the standard error."""
    training.progress = lambda line: None
    training.one_thread()
    for line in sys.stdin:
        work = prepared(json.loads(line))
        start = time.process_time()
        work()
        print(time.process_time() - start, flush=True)


if __name__ == "__main__":
    serve()
