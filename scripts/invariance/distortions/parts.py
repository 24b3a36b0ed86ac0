"""Parts of a distortion that change grey levels, such as the thickness of strokes: one file each, found by name.

The file distortions/<part>.py holds

- `OPTIONS`: option -> JSON schema with a `description`; a literal, because it is read without importing the file;
- `Part`: a class built as Part(**options), with the method of `PixelPart`.

An entry of `distortions` in the config names it: `bold: {<part>: {<option>: ...}}`, alone or with a translation, an
affine map or an elastic field (fields.py). Pixel parts are applied first, in the order of their names, then the warp.
"""

import hashlib
import importlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from invariance.record.artefacts import InputError

FOLDER = Path(__file__).parent


class PixelPart(Protocol):
    """The interface of a class `Part`."""

    def apply(self, image: np.ndarray, generator: np.random.Generator) -> np.ndarray:
        """Return the changed uint8 (h, w) image, background 0 and ink up to 255; it may be changed in place.

        `generator` draws the random numbers of this part for this image.
        """


def find_part(name: str) -> tuple[type, Mapping[str, Any]]:
    """`Part` and `OPTIONS` of distortions/<name>.py; raises InputError if there is no such file, or one is missing."""
    file = FOLDER / f"{name}.py"
    if not (name.isidentifier() and file.is_file()):
        raise InputError(
            f"distortion part {name}: unknown; allowed: a mapping with one or more of translation, affine, elastic and "
            f"the parts that have a file in {FOLDER}"
        )
    try:
        module = importlib.import_module(f"{__package__}.{name}")
    except (ImportError, SyntaxError) as error:
        raise InputError(f"{file}: cannot be imported ({error}); fix this file") from error
    if lacking := [needed for needed in ("OPTIONS", "Part") if not hasattr(module, needed)]:
        raise InputError(
            f"distortion part {name}: {file} has no {' and no '.join(lacking)}; "
            "write what the docstring of parts.py beside it asks for, or name another part"
        )
    return module.Part, module.OPTIONS


def build_part(name: str, part: type, allowed: Mapping[str, Any], options: Any) -> Any:
    """Build a part from its options; raises InputError if some are missing or unknown, or its class takes others.

    Those with a default may be left out.
    """
    defaults = {option: its["default"] for option, its in allowed.items() if "default" in its}
    if not isinstance(options, Mapping) or set(defaults | dict(options)) != set(allowed):
        raise InputError(
            f"distortion part {name}: its options are {json.dumps(options)}; "
            f"allowed: a mapping with exactly {', '.join(allowed) or 'nothing'}"
        )
    options = defaults | dict(options)
    try:
        return part(**options)
    except TypeError as error:
        raise InputError(
            f"distortion part {name}: its class does not take the options that its file declares ({error}); "
            f"give the class exactly {', '.join(allowed) or 'no options'}"
        ) from None


def apply_parts(images: np.ndarray, parts: Mapping[str, PixelPart], key: np.ndarray, first: int) -> np.ndarray:
    """Apply pixel parts, in the order of their names, to the uint8 (n, h, w) images first, first + 1, ..."""
    if not parts:
        return images
    images = images.copy()
    for name in sorted(parts):
        for index, image in enumerate(images):
            changed = parts[name].apply(image, generator_of(key, name, first + index))
            array = isinstance(changed, np.ndarray)
            if not (array and changed.dtype == np.uint8 and changed.shape == image.shape):
                found = f"{changed.dtype} {changed.shape}" if array else type(changed).__name__
                raise InputError(
                    f"distortion part {name}: made {found} of an image; allowed: uint8 {image.shape}; "
                    f"fix Part.apply in {FOLDER / name}.py"
                )
            images[index] = changed
    return images


def generator_of(key: np.ndarray, part: str, image: int) -> np.random.Generator:
    """The random numbers of a part for an image; they depend only on the copy's key, the part's name and the index.

    NumPy's Philox with a key for each part; its counter leaves 2^192 blocks for each image.
    """
    digest = hashlib.sha256(key.astype("<u4").tobytes() + part.encode()).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(digest[:16], "little"), counter=image << 192))
