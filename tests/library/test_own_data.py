"""A user's own data: the same arrays from IDX files, an .npz file and a folder of images, or one message."""

import gzip
import io
import pickle
import re
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import source
from invariance.data import sources
from invariance.data.images import place_on_canvas
from invariance.data.sources import PARTS, read_source
from invariance.record.artefacts import InputError
from made import idx

SIDE, CLASSES, TRAIN, TEST = 12, 3, 30, 9
SETTINGS = {"side": SIDE, "classes": CLASSES, "train_images": 21, "validation_images": 9, "test_images": TEST}


def arrays(height: int = SIDE, width: int = SIDE) -> dict[str, np.ndarray]:
    """A small data set whose images tell themselves apart."""
    random = np.random.default_rng(3)
    made = {}
    for part, count in (("train", TRAIN), ("test", TEST)):
        made[f"{part}_images"] = random.integers(0, 256, (count, height, width), dtype=np.uint8)
        made[f"{part}_labels"] = np.arange(count, dtype=np.uint8) % CLASSES
    return made


def as_npz(folder: Path, **changes) -> dict:
    """Settings of an .npz file of the data set; a change to None leaves an array out."""
    np.savez(folder / "mine.npz", **{name: array for name, array in (arrays() | changes).items() if array is not None})
    return SETTINGS | {"npz": str(folder / "mine.npz")}


def as_idx(folder: Path, **contents: bytes) -> dict:
    """Settings of four IDX files of the data set, with other contents of some."""
    for name, array in arrays().items():
        (folder / name).write_bytes(contents.get(name, idx(array)))
    return SETTINGS | {"idx": {name: str(folder / name) for name in PARTS}}


def as_folder(folder: Path, mode: str = "L") -> dict:
    """Settings of a folder of images by class."""
    given = arrays()
    for part in ("train", "test"):
        for number, (image, label) in enumerate(zip(given[f"{part}_images"], given[f"{part}_labels"], strict=True)):
            place = folder / "images" / part / "abc"[label] / f"{number:03d}.png"
            place.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).convert(mode).save(place)
    return SETTINGS | {"folder": str(folder / "images")}


def in_any_order(images: np.ndarray, labels: np.ndarray) -> list[bytes]:
    return sorted(image.tobytes() + bytes([label]) for image, label in zip(images, labels, strict=True))


@pytest.mark.parametrize("packed", [False, True])
def test_idx_files_come_back_as_they_were_written(tmp_path, packed):
    contents = {name: gzip.compress(idx(array)) for name, array in arrays().items()} if packed else {}
    for found, expected in zip(read_source(as_idx(tmp_path, **contents)), arrays().values(), strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_an_npz_file_comes_back_as_it_was_written(tmp_path, save):
    save(tmp_path / "mine.npz", **arrays(), extra=np.arange(3))
    for found, expected in zip(
        read_source(SETTINGS | {"npz": str(tmp_path / "mine.npz")}), arrays().values(), strict=True
    ):
        np.testing.assert_array_equal(found, expected)


def test_arrays_with_columns_first_are_read_alike(tmp_path):
    turned = {name: np.asfortranarray(array) for name, array in arrays().items()}
    for found, expected in zip(read_source(as_npz(tmp_path, **turned)), arrays().values(), strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_a_folder_of_images_holds_the_same_images_in_a_mixed_and_fixed_order(tmp_path, mode):
    found, given = read_source(as_folder(tmp_path, mode)), arrays()
    assert in_any_order(*found[:2]) == in_any_order(given["train_images"], given["train_labels"])
    assert in_any_order(*found[2:]) == in_any_order(given["test_images"], given["test_labels"])
    assert (np.diff(found[1].astype(int)) < 0).any()
    for one, other in zip(found, read_source(as_folder(tmp_path, mode)), strict=True):
        np.testing.assert_array_equal(one, other)


def test_images_that_are_no_squares_are_put_in_the_middle(tmp_path):
    images = arrays(SIDE - 3, SIDE)
    found = read_source(as_npz(tmp_path, **images))[0]
    np.testing.assert_array_equal(found[:, 1:-2], images["train_images"])
    assert not found[:, :1].any()
    assert not found[:, -2:].any()


def test_any_side_and_number_of_classes_is_placed_on_a_canvas(tmp_path):
    for side, classes in ((8, 2), (64, 100)):
        labels = np.arange(2 * classes, dtype=np.uint8) % classes
        images = np.full((2 * classes, side, side), 9, np.uint8)
        counts = {"side": side, "classes": classes, "train_images": classes, "validation_images": classes}
        made = dict(zip(PARTS, (images, labels) * 2, strict=True))
        settings = as_npz(tmp_path, **made) | counts | {"test_images": 2 * classes}
        assert place_on_canvas(read_source(settings)[0], side + 4).shape == (2 * classes, side + 4, side + 4)


# ----------------------------------------------------------------------------------------------------------------------
# What is refused


class Canary:
    """Unpickling it writes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return Path.write_text, (self.path, "unpickled")


def npy(shape: str, kind: str = "'|u1'", content: bytes = b"", version: int = 1) -> bytes:
    """The bytes of an .npy file that claims this shape and type."""
    head = f"{{'descr': {kind}, 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    size = struct.pack("<H" if version == 1 else "<I", len(head))
    return b"\x93NUMPY" + bytes([version, 0]) + size + head + content


def with_member(folder: Path, content: bytes, *more: bytes) -> dict:
    """Settings of an .npz file whose train_images are these bytes, and once more."""
    settings = as_npz(folder, train_images=None)
    with zipfile.ZipFile(settings["npz"], "a", zipfile.ZIP_DEFLATED) as archive:
        for number, each in enumerate((content, *more)):
            archive.writestr(zipfile.ZipInfo("train_images.npy", (1980, 1, 1 + number, 0, 0, 0)), each)
    return settings


def replaced(settings: dict, content: bytes) -> dict:
    Path(settings["npz"]).write_bytes(content)
    return settings


def pickled(folder: Path) -> dict:
    objects = np.array([Canary(folder / "canary")] * TRAIN, dtype=object)
    return as_npz(folder, train_images=objects)


def png_of_16_bits() -> bytes:
    """A PNG of 4x4 pixels in colour; Pillow reads only the upper byte of each channel."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    rows = 4 * (b"\0" + struct.pack(">12H", *[1000] * 12))
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 4, 4, 16, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def changed_image(folder: Path, change: Callable[[Path], object], place: str = "train/a/000.png") -> dict:
    settings = as_folder(folder)
    change(Path(settings["folder"], place))
    return settings


def test_hidden_files_in_a_folder_are_no_images(tmp_path):
    """macOS leaves ._000.png beside 000.png, and .DS_Store in each folder."""
    settings = changed_image(tmp_path, lambda path: path.with_name("._000.png").write_bytes(b"\0\5\x16\7"))
    assert len(read_source(settings)[0]) == TRAIN


def linked_away(path: Path) -> None:
    outside = path.parents[3] / "outside.png"
    path.rename(outside)
    path.symlink_to(outside)


def bomb(folder: Path) -> dict:
    """A member that unpacks to more than is allowed, as the zip's directory says."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("train_images.npy", "w") as member:
        for _ in range(4):
            member.write(bytes(1 << 20))
    return replaced(as_npz(folder), buffer.getvalue())


def lying(folder: Path) -> dict:
    """The zip's directory claims that a member is small."""
    settings = as_npz(folder)
    content = bytearray(Path(settings["npz"]).read_bytes())
    place = content.rindex(b"PK\x01\x02")
    content[place + 24 : place + 28] = struct.pack("<I", 100)
    return replaced(settings, bytes(content))


def named_in_other_bytes(folder: Path) -> dict:
    """The name of a member is said to be UTF-8, and is not."""
    settings = with_member(folder, npy("(1,)", content=b"a"))
    name, wrong = b"train_images.npy", b"train_images.np\xff"
    content = Path(settings["npz"]).read_bytes().replace(name, wrong)
    place = content.rindex(b"PK\x01\x02", 0, content.rindex(wrong))
    return replaced(settings, content[: place + 8] + struct.pack("<H", 0x800) + content[place + 10 :])


def packed_by(method: int) -> Callable[[Path], dict]:
    def make(folder: Path) -> dict:
        settings = as_npz(folder, train_images=None)
        with zipfile.ZipFile(settings["npz"], "a", method) as archive:
            archive.writestr("train_images.npy", npy("(1,)", content=b"a"))
        return settings

    return make


ONES = np.ones((TRAIN, SIDE, SIDE), np.uint8)
LABELS = arrays()["train_labels"]
BAD: dict[str, tuple[Callable[[Path], dict], str]] = {
    "npz: no such file": (lambda f: SETTINGS | {"npz": str(f / "no.npz")}, r"no\.npz: no such file"),
    "npz: a folder": (lambda f: SETTINGS | {"npz": str(f)}, r"not a whole \.npz file"),
    "npz: empty": (lambda f: replaced(as_npz(f), b""), r"mine\.npz: not a whole \.npz file"),
    "npz: truncated": (lambda f: replaced(as_npz(f), (f / "mine.npz").read_bytes()[:900]), "not a whole .npz file"),
    "npz: another file": (lambda f: replaced(as_npz(f), b"\x93NUMPY" + bytes(90)), "not a whole .npz file"),
    "npz: a pickle": (lambda f: replaced(as_npz(f), pickle.dumps(Canary(f / "canary"))), "not a whole .npz file"),
    "npz: a directory that lies": (lying, "not a whole .npz file|bytes, which are not"),
    "npz: an array missing": (
        lambda f: as_npz(f, test_labels=None),
        "test_labels: missing; it holds train_images.npy, train_labels.npy, test_images.npy; allowed: the arrays",
    ),
    "npz: no arrays": (lambda f: as_npz(f, **dict.fromkeys(PARTS)), "train_images: missing; it holds nothing"),
    "npz: names that collide": (
        lambda f: with_member(f, npy("(1,)", content=b"a"), npy("(1,)", content=b"b")),
        "train_images: twice there",
    ),
    "npz: a path outside": (
        lambda f: as_npz(f, train_images=None) | {"npz": str(outside_member(f))},
        r"train_images: missing; it holds .*\.\./train_images\.npy",
    ),
    "npz: pickled objects": (pickled, "train_images: object .*; allowed: uint8"),
    "npz: text": (lambda f: as_npz(f, train_labels=np.array(["a"] * TRAIN)), "train_labels: <U1 .*; allowed: uint8"),
    "npz: wide labels": (lambda f: as_npz(f, train_labels=LABELS.astype(int)), "train_labels: int64 .*astype"),
    "npz: fractions": (lambda f: as_npz(f, train_images=ONES / 2), "train_images: float64 .*; allowed: uint8"),
    "npz: not a number": (lambda f: as_npz(f, test_images=np.full((9, 12, 12), np.nan)), "test_images: float64"),
    "npz: an open bracket": (lambda f: with_member(f, npy("(1, [")), "not an array that numpy.savez writes"),
    "npz: truth for a size": (
        lambda f: with_member(f, npy("(True, 2)", content=b"ab")),
        "images are uint8 .* expected uint8",
    ),
    "npz: many dimensions": (lambda f: with_member(f, npy(f"({'1, ' * 70})", content=b"a")), "not a whole .npz file"),
    "npz: a name in other bytes": (named_in_other_bytes, "not a whole .npz file"),
    "npz: packed by LZMA": (packed_by(zipfile.ZIP_LZMA), "train_images: packed in another way; allowed: what numpy"),
    "npz: huge shape": (lambda f: with_member(f, npy(f"({1 << 40},)")), "save it again"),
    "npz: negative shape": (lambda f: with_member(f, npy("(-1, -1)", content=b"a")), "1 bytes, which are not"),
    "npz: huge header": (
        lambda f: with_member(f, npy("(1,)" + " " * 200_000, version=2)),
        "train_images: not an array",
    ),
    "npz: code for a header": (
        lambda f: with_member(f, npy("(__import__('os').abort(),)")),
        "train_images: not an array that numpy.savez writes",
    ),
    "npz: no header": (lambda f: with_member(f, b"not an array"), "train_images: not an array that numpy.savez writes"),
    "npz: version of the format": (lambda f: with_member(f, b"\x93NUMPY\x09\x00" + bytes(80)), "not an array"),
    "npz: too few bytes": (lambda f: with_member(f, npy("(30, 12, 12)", content=b"abc")), "3 bytes, which are not"),
    "npz: zip bomb": (bomb, r"train_images: 4194304 bytes; allowed: at most 1000000"),
    "idx: a file missing": (lambda f: unlinked(as_idx(f), f / "test_labels"), "test_labels: no such file"),
    "idx: truncated": (lambda f: as_idx(f, train_images=idx(ONES)[:-5]), "not MNIST as torchvision reads it"),
    "idx: a longer file": (lambda f: as_idx(f, train_images=idx(ONES) + b"more"), "not MNIST as torchvision reads it"),
    "idx: empty": (lambda f: as_idx(f, test_images=b""), "not MNIST as torchvision reads it"),
    "idx: half a .gz file": (
        lambda f: as_idx(f, train_images=gzip.compress(idx(arrays()["train_images"]))[:900]),
        "not MNIST",
    ),
    "idx: a .gz bomb": (
        lambda f: as_idx(f, train_images=gzip.compress(bytes(4 << 20))),
        "unpacks to more than 1000000",
    ),
    "idx: huge header": (
        lambda f: as_idx(f, train_images=b"\x00\x00\x08\x03" + b"\xff" * 12),
        "not MNIST as torchvision reads it",
    ),
    "idx: images for labels": (lambda f: as_idx(f, train_labels=idx(ONES)), "train_labels|not MNIST"),
    "idx: wide numbers": (
        lambda f: as_idx(f, train_labels=bytes([0, 0, 12, 1]) + struct.pack(">I", 1) + struct.pack(">i", 300)),
        "train_labels|not MNIST",
    ),
    "folder: no such folder": (lambda f: SETTINGS | {"folder": str(f / "no")}, r"no/train: no such folder"),
    "folder: no classes": (lambda f: emptied(f), "allowed: a folder with images for each class"),
    "folder: a class without images": (lambda f: with_folder(f, "train/d"), "allowed: a folder with images for each"),
    "folder: other classes in test": (
        lambda f: changed_image(f, lambda path: path.parent.rename(path.parent.with_name("z")), "test/a/000.png"),
        "images/test: classes b, c, z; allowed: 3 folders, of the same names in train and test",
    ),
    "folder: fewer classes": (lambda f: as_folder(f) | {"classes": 4}, "images/train: classes a, b, c; allowed: 4"),
    "folder: an image too large": (
        lambda f: changed_image(f, lambda path: Image.new("L", (13, 12)).save(path)),
        r"000\.png: 13x12 pixels; allowed: at most 12x12",
    ),
    "folder: a bomb of an image": (
        lambda f: changed_image(f, lambda path: Image.new("1", (9000, 9000)).save(path)),
        r"000\.png: 9000x9000 pixels; allowed: at most 12x12",
    ),
    "folder: images of two sizes": (
        lambda f: changed_image(f, lambda path: Image.new("L", (5, 5)).save(path)),
        r"images of \(5, 5\), \(12, 12\); allowed: all of one height and width",
    ),
    "folder: 16 bits": (
        lambda f: changed_image(f, lambda path: Image.fromarray(np.full((12, 12), 1000, np.uint16)).save(path)),
        r"000\.png: more than 8 bits per channel; allowed: 8",
    ),
    "folder: 16 bits in colour": (
        lambda f: changed_image(f, lambda path: path.write_bytes(png_of_16_bits())),
        r"000\.png: more than 8 bits per channel; allowed: 8",
    ),
    "folder: ink on transparent ground": (
        lambda f: changed_image(f, lambda path: Image.new("RGBA", (12, 12), (0, 0, 0, 0)).save(path)),
        r"000\.png: transparent pixels, whose grey is not defined; allowed: opaque ones alone",
    ),
    "folder: a transparent colour": (
        lambda f: changed_image(f, lambda path: Image.new("L", (12, 12)).save(path, transparency=0)),
        r"000\.png: transparent pixels",
    ),
    "folder: a truncated image": (
        lambda f: changed_image(f, lambda path: path.write_bytes(path.read_bytes()[:60])),
        r"000\.png: not an image that can be read",
    ),
    "folder: text for an image": (
        lambda f: changed_image(f, lambda path: path.write_text("%!PS-Adobe-3.0 EPSF-3.0\n")),
        r"000\.png: not an image that can be read",
    ),
    "folder: a link outside": (lambda f: changed_image(f, linked_away), r"000\.png: a link to a place outside"),
    "images of another side": (lambda f: as_npz(f) | {"side": 13}, r"images are uint8 \(30, 12, 12\), expected uint8"),
    "images in colour": (
        lambda f: as_npz(f, train_images=np.ones((30, 12, 12, 3), np.uint8)),
        r"expected uint8 \(n, h, w\)",
    ),
    "images without ink": (lambda f: as_npz(f, test_images=np.zeros((9, 12, 12), np.uint8)), "without any ink"),
    "images that were 0 to 1": (
        lambda f: as_npz(f, train_images=np.ones((30, 12, 12), np.uint8)),
        "30 images without any ink: no value is above 1; if they were 0 to 1, multiply by 255",
    ),
    "labels of another number": (lambda f: as_npz(f, train_labels=LABELS[1:]), r"labels are uint8 \(29,\), expected"),
    "labels as columns": (lambda f: as_npz(f, train_labels=LABELS[:, None]), r"labels are uint8 \(30, 1\)"),
    "labels out of range": (lambda f: as_npz(f, train_labels=LABELS + 1), r"labels \[3\] are not among 0\.\.2"),
    "one class only": (lambda f: as_npz(f, train_labels=LABELS * 0), r"30 images hold no class \[1, 2\]"),
    "a class missing in the test set": (
        lambda f: as_npz(f, test_labels=LABELS[:9] % 2),
        r"9 images hold no class \[2\]",
    ),
    "an empty test set": (
        lambda f: as_npz(f, test_images=np.ones((0, 12, 12), np.uint8), test_labels=LABELS[:0]),
        "0 images without any ink",
    ),
    "more images asked for": (
        lambda f: as_npz(f) | {"train_images": 22},
        "is 31, but there are only 30 training images",
    ),
    "other test images": (lambda f: as_npz(f) | {"test_images": 8}, "9 test images, but test_images is 8; set it to 9"),
    "sorted by class": (
        lambda f: as_npz(f, train_labels=np.sort(LABELS)) | {"train_images": 20},
        r"no class \[2\]; shuffle",
    ),
}


def outside_member(folder: Path) -> Path:
    with zipfile.ZipFile(folder / "mine.npz", "a") as archive:
        archive.writestr("../train_images.npy", npy("(1,)", content=b"a"))
    return folder / "mine.npz"


def unlinked(settings: dict, path: Path) -> dict:
    path.unlink()
    return settings


def emptied(folder: Path) -> dict:
    (folder / "images/train").mkdir(parents=True)
    return SETTINGS | {"folder": str(folder / "images")}


def with_folder(folder: Path, name: str) -> dict:
    settings = as_folder(folder)
    Path(settings["folder"], name).mkdir()
    return settings


@pytest.mark.parametrize("name", BAD)
def test_bad_data_is_told_in_one_message_and_nothing_is_written(tmp_path, monkeypatch, name):
    monkeypatch.setattr(sources, "LARGEST", 1_000_000)
    make, told = BAD[name]
    settings = make(tmp_path)
    with pytest.raises(InputError) as error:
        source.main(settings=settings, output=tmp_path / "written")
    message = str(error.value)
    assert re.search(told, message), message
    assert len(message) < 700
    assert "\n" not in message
    assert not (tmp_path / "written").exists()
    assert not (tmp_path / "canary").exists()
