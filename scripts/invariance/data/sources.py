"""Read a data set as uint8 images (n, side, side) and uint8 labels (n,), and check it.

MNIST's format is read through torchvision.datasets.MNIST, a folder of images through torchvision.datasets.ImageFolder.
Nothing is unpickled, and nothing is unpacked that could be larger than LARGEST.
"""

import errno
import gzip
import re
import tempfile
import tokenize
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from invariance.data.digits import read_digits
from invariance.record.artefacts import InputError, require_unaltered

MNIST_FILES = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)
PARTS = ("train_images", "train_labels", "test_images", "test_labels")
LARGEST = 300_000_000  # bytes of an array; 60,000 images of 64x64 pixels are 246 million
BLOCK = 1 << 20  # bytes unpacked at once
FORMATS = ("PNG", "JPEG", "BMP", "PPM", "TIFF", "WEBP")  # of images in a folder; Pillow would start programs for others
HEADER = 10_000  # bytes of the header of an array

Arrays = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def read_source(settings: Mapping[str, Any]) -> Arrays:
    """Read a data set.

    Args:
        settings: its entry in `datasets`, with one of `downloads` (the folder of MNIST_FILES), `idx`, `npz`, `folder`
            and `embedded`.

    Returns:
        Training images (n, side, side), training labels (n,), test images, test labels, all uint8.

    Raises:
        InputError: a file is missing, altered, damaged or too large, or the data set is not as the settings say.
    """
    if "downloads" in settings:
        where, arrays = settings["downloads"], read_downloads(Path(settings["downloads"]))
    elif "idx" in settings:
        where, arrays = "idx", read_idx({part: Path(settings["idx"][part]) for part in PARTS})
    elif "npz" in settings:
        where, arrays = settings["npz"], read_npz(Path(settings["npz"]))
    elif "folder" in settings:
        where, arrays = settings["folder"], read_folder(Path(settings["folder"]), settings["side"], settings["classes"])
    elif "embedded" not in settings:
        raise InputError("settings: no source; allowed: one of downloads, idx, npz, folder and embedded")
    else:
        where, arrays = settings["embedded"], read_digits(*(settings[f"{part}_images"] for part in COUNTED))
    return checked(arrays, settings, str(where))


# The formats ----------------------------------------------------------------------------------------------------------


def read_downloads(folder: Path) -> Arrays:
    """The four files of a data set in MNIST's format, whose SHA-256 was checked when they were downloaded.

    Raises:
        InputError: a file is missing, altered or damaged.
    """
    missing = [name for name in MNIST_FILES if not (folder / name).is_file()]
    if missing:
        raise InputError(f"{folder}: {', '.join(missing)} missing; all four .gz files of MNIST must be there")
    for name in MNIST_FILES:
        require_unaltered(folder / name)
    try:
        return read_idx({part: folder / name for part, name in zip(PARTS, MNIST_FILES, strict=True)})
    except InputError as error:
        raise InputError(f"{error}; delete the folder to have its files downloaded again") from None


def read_idx(files: Mapping[str, Path]) -> Arrays:
    """Four files in MNIST's format, packed with gzip or not, by torchvision, which unpacks into a temporary folder.

    Args:
        files: part (PARTS) -> file.

    Raises:
        InputError: a file is missing, too large or damaged.
    """
    from torchvision import datasets

    with tempfile.TemporaryDirectory(prefix="mnist-") as root:
        raw = Path(root, "MNIST", "raw")
        raw.mkdir(parents=True)
        place = files["train_images"].parent
        try:
            for part, name in zip(PARTS, MNIST_FILES, strict=True):
                unpack(files[part], raw / Path(name).stem)
            sets = [datasets.MNIST(root, train=train, download=False) for train in (True, False)]
        except FileNotFoundError as error:
            raise InputError(f"{error.filename}: no such file") from None
        except (
            OSError,
            EOFError,
            zlib.error,
            ValueError,
            TypeError,
            AssertionError,
            RuntimeError,
            LookupError,
        ) as error:
            if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):  # of the temporary folder
                raise
            what = " ".join(str(error).split())
            raise InputError(f"{place}: not MNIST as torchvision reads it ({type(error).__name__}: {what})") from None
    arrays = [array for part in sets for array in (part.data.numpy(), part.targets.numpy())]
    return tuple(array.astype(np.uint8) for array in arrays)


def unpack(packed: Path, plain: Path) -> None:
    """Copy a file, unpacked if it is a .gz file; raises InputError beyond LARGEST, for kilobytes can hold gigabytes."""
    size = 0
    with packed.open("rb") as stream:
        is_gzip = packed.suffix == ".gz" or stream.read(2) == b"\x1f\x8b"
    with gzip.open(packed) if is_gzip else packed.open("rb") as source, plain.open("wb") as target:
        while block := source.read(BLOCK):
            size += len(block)
            if size > LARGEST:
                raise InputError(f"{packed}: unpacks to more than {LARGEST} bytes, so it is no file of MNIST")
            target.write(block)


def read_npz(
    path: Path, parts: Sequence[str] = PARTS, largest: int | None = None, *, any_integer: bool = False
) -> tuple[np.ndarray, ...]:
    """The arrays `parts` of an .npz file, as numpy.savez and numpy.savez_compressed write it.

    Args:
        path: .npz.
        parts: names of the arrays.
        largest: bytes that an array may have; LARGEST if it is left out.
        any_integer: whether other integers than uint8 are allowed.

    Raises:
        InputError: it is missing, not such a file, or an array is missing, twice there, too large, or of another type.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return tuple(read_member(archive, part, path, parts, largest or LARGEST, any_integer) for part in parts)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (OSError, EOFError, ValueError, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError) as error:
        raise InputError(f"{path}: not a whole .npz file ({error}); allowed: what numpy.savez writes") from None


def read_member(
    archive: zipfile.ZipFile, part: str, path: Path, parts: Sequence[str], largest: int, any_integer: bool
) -> np.ndarray:
    """One array of an .npz file. Its header is believed only as far as the bytes behind it go."""
    found = [member for member in archive.infolist() if member.filename == f"{part}.npy"]
    if len(found) != 1:
        names = ", ".join(archive.namelist()[:8])
        what = "twice there" if found else f"missing; it holds {names or 'nothing'}"
        raise InputError(f"{path}: {part}: {what}; allowed: the arrays {', '.join(parts)}")
    if found[0].file_size > largest:
        raise InputError(f"{path}: {part}: {found[0].file_size} bytes; allowed: at most {largest}")
    if found[0].compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise InputError(f"{path}: {part}: packed in another way; allowed: what numpy.savez writes")
    with archive.open(found[0]) as stream:
        try:
            shape, columns_first, kind = header(stream)
            shape = tuple(map(int, shape))
        except (
            ValueError,
            TypeError,
            SyntaxError,
            OverflowError,
            MemoryError,
            RecursionError,
            tokenize.TokenError,
        ) as error:
            what = " ".join(str(error).split())[:200]
            raise InputError(f"{path}: {part}: not an array that numpy.savez writes ({what})") from None
        if kind != np.uint8 and not (any_integer and kind.kind in "iu"):
            raise InputError(f"{path}: {part}: {kind} {shape}; allowed: uint8, as of {conversion(part, kind, shape)}")
        content = stream.read(largest)
    if min(shape, default=0) < 0 or np.prod([kind.itemsize, *shape], dtype=object) != len(content):
        raise InputError(f"{path}: {part}: {len(content)} bytes, which are not {shape}; save it again")
    return np.frombuffer(content, kind).reshape(shape, order="F" if columns_first else "C")


def conversion(part: str, kind: np.dtype, shape: tuple[int, ...]) -> str:
    """How NumPy makes the images or labels that are allowed of those of another type."""
    if part.endswith("images"):
        scaled = f"(255 * {part}).round()" if kind.kind == "f" else f"(255 * {part})" if kind.kind == "b" else part
        return f"{scaled}.astype(numpy.uint8){' if they are 0 to 1' if kind.kind == 'f' else ''}"
    if len(shape) == 2:
        return f"{part}.argmax(axis=1).astype(numpy.uint8) if they are one-hot"
    numbers = part if kind.kind in "fiub" else f"numpy.unique({part}, return_inverse=True)[1]"
    return f"{numbers}.astype(numpy.uint8)"


def unscaled(images: np.ndarray) -> str:
    """What is wrong with images uint8 that are black, as those from 0 to 1 become; nothing if they are not."""
    if images.max(initial=0) > 1:
        return ""
    return "no value is above 1; if they were 0 to 1, multiply by 255 before making them uint8"


def header(stream: BinaryIO) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Shape, order and type at the head of a .npy file; raises ValueError for other bytes."""
    version = np.lib.format.read_magic(stream)
    read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    if version not in read:
        raise ValueError(f"version {version} of the format; allowed: {', '.join(map(str, read))}")
    return read[version](stream, max_header_size=HEADER)


def read_folder(folder: Path, side: int, classes: int) -> Arrays:
    """Images by class: train/<class>/<image> and test/<class>/<image>, in the same classes, which are sorted by name.

    Colours become grey. Images are shuffled, the same way each time, for the first are trained on and the last are
    validation images.

    Args:
        folder: Of `train` and `test`.
        side: The largest height and width of an image, pixels.
        classes: Number of folders in each.

    Raises:
        InputError: there is no such folder, class or image, an image is too large, not of one size, or cannot be read.
    """
    from torchvision.datasets.folder import IMG_EXTENSIONS, ImageFolder

    def is_image(path: str) -> bool:  # hidden files are what systems leave beside images
        return path.lower().endswith(IMG_EXTENSIONS) and not Path(path).name.startswith(".")

    arrays: list[np.ndarray] = []
    names = None
    for part in ("train", "test"):
        root = folder / part
        if not root.is_dir():
            raise InputError(f"{root}: no such folder; allowed: {folder} with train/<class>/ and test/<class>/")
        try:
            found = ImageFolder(
                str(root), loader=lambda path: read_image(Path(path), folder, side), is_valid_file=is_image
            )
        except FileNotFoundError as error:
            what = " ".join(str(error).split())
            raise InputError(f"{root}: {what[:300]}; allowed: a folder with images for each class") from None
        names = names or found.classes
        if found.classes != names or len(names) != classes:
            what = f"classes {', '.join(found.classes)[:200]}"
            raise InputError(f"{root}: {what}; allowed: {classes} folders, of the same names in train and test")
        order = np.random.Generator(np.random.PCG64(0)).permutation(len(found))
        images = [found[number] for number in order]
        if len({image.shape for image, _ in images}) > 1:
            sizes = sorted({image.shape for image, _ in images})[:3]
            raise InputError(f"{root}: images of {', '.join(map(str, sizes))}; allowed: all of one height and width")
        arrays += [np.stack([image for image, _ in images]), np.array([label for _, label in images], np.uint8)]
    return tuple(arrays)


def read_image(path: Path, folder: Path, side: int) -> np.ndarray:
    """An image in grey, uint8 (h, w); its size is looked at before its pixels are."""
    from PIL import Image, UnidentifiedImageError

    if not path.resolve().is_relative_to(folder.resolve()):
        raise InputError(f"{path}: a link to a place outside {folder}; put the image itself there")
    try:
        with Image.open(path, formats=FORMATS) as image:
            if max(image.size) > side:
                what = f"{image.size[0]}x{image.size[1]} pixels"
                raise InputError(f"{path}: {what}; allowed: at most {side}x{side}, the side of this data set")
            if image.mode.startswith(("I", "F")) or re.search(r";16[BLN]", str(image.tile)):
                raise InputError(f"{path}: more than 8 bits per channel; allowed: 8, as PNG or JPEG usually have")
            if image.has_transparency_data and image.convert("RGBA").getchannel("A").getextrema()[0] < 255:
                raise InputError(f"{path}: transparent pixels, whose grey is not defined; allowed: opaque ones alone")
            return np.asarray(image.convert("L"))
    except (OSError, ValueError, SyntaxError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        what = " ".join(str(error).split())
        raise InputError(f"{path}: not an image that can be read ({what}); allowed: {', '.join(FORMATS)}") from None


# What every data set must be ------------------------------------------------------------------------------------------

COUNTED = ("train", "validation", "test")


def checked(arrays: Arrays, settings: Mapping[str, Any], name: str) -> Arrays:
    """The arrays, with images that are no squares put in the middle of empty ones.

    Raises:
        InputError: they are not of the form, the classes or the numbers that the settings say.
    """
    train, labels, test, answers = arrays
    train, test = squared(train, f"{name}, training"), squared(test, f"{name}, test")
    learned, chosen = settings["train_images"], settings["validation_images"]
    if learned + chosen > len(train):
        what = f"train_images + validation_images is {learned + chosen}"
        raise InputError(f"{name}: {what}, but there are only {len(train)} training images; ask for fewer")
    side, classes = settings["side"], settings["classes"]
    check_source(train, labels, f"{name}, training", side, classes)
    check_source(test, answers, f"{name}, test", side, classes)
    if len(test) != settings["test_images"]:
        what = f"{len(test)} test images, but test_images is {settings['test_images']}; set it to {len(test)}"
        raise InputError(f"{name}: {what}")
    if absent := sorted(set(range(classes)) - set(labels[:learned].tolist())):
        what = f"the first {learned} training images hold no class {absent[:5]}; shuffle them, or train on more"
        raise InputError(f"{name}: {what}")
    return train, labels, test, answers


def squared(images: np.ndarray, name: str) -> np.ndarray:
    """Images (n, h, w) in the middle of the smallest squares; an odd pixel goes below or to the right."""
    if images.ndim != 3:
        raise InputError(f"{name}: images are {images.dtype} {images.shape}, expected uint8 (n, h, w)")
    lacking = [max(images.shape[1:]) - length for length in images.shape[1:]]
    return np.pad(images, [(0, 0), *((rest // 2, rest - rest // 2) for rest in lacking)]) if any(lacking) else images


def check_source(images: np.ndarray, labels: np.ndarray, name: str, side: int, classes: int) -> None:
    """Raise InputError unless a data set, called `name`, has the form that later stages need, and every class."""
    if images.dtype != np.uint8 or images.ndim != 3 or images.shape[1:] != (side, side):
        what = f"expected uint8 (n, {side}, {side}), as `side` says"
        raise InputError(f"{name}: images are {images.dtype} {images.shape}, {what}")
    if labels.dtype != np.uint8 or labels.shape != images.shape[:1]:
        raise InputError(f"{name}: labels are {labels.dtype} {labels.shape}, expected uint8 ({len(images)},)")
    if problem := unscaled(images):
        raise InputError(f"{name}: {len(images)} images without any ink: {problem}")
    if wrong := sorted(set(labels.tolist()) - set(range(classes))):
        raise InputError(f"{name}: labels {wrong[:5]} are not among 0..{classes - 1}, as `classes` says")
    if absent := sorted(set(range(classes)) - set(labels.tolist())):
        raise InputError(f"{name}: {len(labels)} images hold no class {absent[:5]}; every class must be there")
