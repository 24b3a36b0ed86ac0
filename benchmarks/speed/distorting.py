"""Making distorted images: ours, and what else a user might call, each as its own documentation shows it.

Every elastic peer is set so that its noise moves a pixel as far as Simard's settings do: sigma 4 and alpha 34 pixels at
29x29. They still differ in how the blur treats the border, as the notes say. The root mean square displacement of every
contender is measured on its own fields.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import albumentations
import cv2
import kornia.augmentation as kornia
import numpy as np
import torch
from scipy import ndimage
from torch.nn import functional as F
from torchvision import tv_tensors
from torchvision.transforms import v2

from invariance.distortions import fields as distortions
from invariance.distortions import philox
from invariance.distortions.audit import deform_with_elasticdeform
from invariance.distortions.fields import Affine, Distortion, Elastic, Translation, distort
from speed import operations
from speed.data import tiled_digits
from speed.harness import Contender, Task

PARTS = "elastic, parts of ours"
CANVAS = 29
SIGMA, ALPHA = 4, 34
KERNEL = 33  # taps of a Gaussian cut off at four standard deviations
SHIFT = 2  # pixels, of the translation and of the affine map
ROTATION, SHEAR, SCALING = 15, 0.2, 0.15  # degrees; x += shear * y; each axis by 1 - 0.15 .. 1 + 0.15
ELASTIC = Distortion(elastic=Elastic(sigma=SIGMA, alpha=ALPHA))
AFFINE = Distortion(affine=Affine(SHIFT, ROTATION, SHEAR, SCALING))
TRANSLATION = Distortion(translation=Translation(SHIFT))

STRIP = 256  # images in a tall strip; OpenCV takes fewer than 32,768 rows
GAP = 2  # rows of background between the images of a strip
TORCH_BATCH = 256
FIELDS = 2000  # from which a displacement is measured
CHECKED = 4000  # images compared with the reference in float64

Images = np.ndarray  # uint8 (n, h, w)
Fields = np.ndarray  # float32 (n, 2, h, w), pixels: x, then y
Distort = Callable[[Images], object]


def tasks(share: float) -> list[Task]:
    """All tasks, on `share` of the usual numbers of images."""
    images, _ = tiled_digits(max(64, int(40_000 * share)), CANVAS)
    return [make(images, share) for make in (elastic_task, affine_task, translation_task, part_task)]


def contender(name: str, run: Distort, images: Images, count: int, share: float, **facts: object) -> Contender:
    """A contender that distorts the first `count` images, or `share` of them."""
    chosen = images[: max(8, int(count * share))]
    return Contender(name, lambda _: run(chosen), len(chosen), facts=facts)


def key() -> np.ndarray:
    """An arbitrary random key for ours."""
    return distortions.random_key("benchmark", CANVAS, "elastic", 0)


# ---------------------------------------------------------------------------------------------------------------------
# Elastic


def elastic_task(images: Images, share: float) -> Task:
    """A fresh elastic field for each image, and the warp."""
    rms = {name: rms_displacement(fields(max(16, int(FIELDS * min(1, share))))) for name, fields in FIELDS_OF.items()}
    add = partial(contender, images=images, share=share)
    return Task(
        "elastic",
        [
            add("ours", ours_elastic, count=40_000, rms=rms["ours"], **agreement(images, share)),
            add(
                "NumPy and OpenCV, batched",
                batched_opencv,
                count=20_000,
                rms=rms["NumPy"],
                note="the blur as two matrix products, one remap over a tall strip; OpenCV rounds to 1/32 px",
            ),
            add(
                "PyTorch, batched",
                batched_torch,
                count=10_000,
                rms=rms["PyTorch"],
                note="the blur as two matrix products, then grid_sample",
            ),
            add(
                "OpenCV, image by image",
                opencv_by_hand,
                count=6_000,
                rms=rms["OpenCV"],
                note="GaussianBlur and remap; rounds to 1/32 px",
            ),
            add(
                "albumentations",
                partial(one_by_one, albumentations_elastic()),
                count=2_500,
                rms=rms["albumentations"],
                note="uniform noise; its blur repeats the border, and runs from dx on into dy",
            ),
            add(
                "scipy.ndimage",
                scipy_elastic,
                count=1_000,
                rms=rms["scipy"],
                note="gaussian_filter, then map_coordinates of order 1",
            ),
            add(
                "elasticdeform",
                elasticdeform_elastic,
                count=1_000,
                rms=rms["ours"],
                note="given our fields, so that it only warps; float64",
            ),
            add(
                "kornia",
                partial(kornia_batches, kornia_elastic()),
                count=2_000,
                rms=rms["kornia"],
                note=f"alpha {2 * ALPHA / CANVAS:.2f}, in half images",
            ),
            add(
                "torchvision v2",
                partial(torchvision_one_by_one, v2.ElasticTransform(alpha=2.0 * ALPHA, sigma=float(SIGMA))),
                count=250,
                rms=rms["torchvision"],
                note=f"alpha {2 * ALPHA}, in half pixels; its blur reflects at the border; one field a call, so image "
                "by image",
            ),
        ],
        *operations.elastic(CANVAS),
    )


def ours_elastic(images: Images) -> Images:
    """The function that the pipeline calls."""
    return distort(images, ELASTIC, key(), 0)


def uniform_noise(generator: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Uniform(-1, 1) float32 numbers."""
    noise = generator.random(shape, dtype=np.float32)
    noise *= 2
    noise -= 1
    return noise


def gaussian_matrix() -> np.ndarray:
    """The matrix, float32 (canvas, canvas), that blurs the rows of an image, with zeros outside."""
    distance = np.subtract.outer(np.arange(CANVAS), np.arange(CANVAS))
    reach = np.arange(-(KERNEL // 2), KERNEL // 2 + 1)
    weights = np.exp(-(distance**2) / (2 * SIGMA**2)) / np.exp(-(reach**2) / (2 * SIGMA**2)).sum()
    return np.where(abs(distance) <= KERNEL // 2, weights, 0).astype(np.float32)


def numpy_fields(generator: np.random.Generator, count: int) -> Fields:
    """Fields of `count` images at once."""
    blur = gaussian_matrix()
    fields = blur @ uniform_noise(generator, (count, 2, CANVAS, CANVAS)) @ blur
    fields *= ALPHA
    return fields


def batched_opencv(images: Images) -> Images:
    """A strip of images, one below the other with background between them, in one call of remap."""
    generator = np.random.default_rng(0)
    distorted = np.empty_like(images)
    columns = np.arange(CANVAS, dtype=np.float32)
    for start in range(0, len(images), STRIP):
        block = images[start : start + STRIP]
        fields = numpy_fields(generator, len(block))
        strip = np.zeros((len(block), CANVAS + GAP, CANVAS), np.uint8)
        strip[:, :CANVAS] = block
        fields[:, 0] += columns
        fields[:, 1] += columns[:, None]
        # Beyond the first row of the gap all is background, so that no image reads its neighbour in the strip.
        np.clip(fields[:, 1], -1, CANVAS, out=fields[:, 1])
        fields[:, 1] += ((CANVAS + GAP) * np.arange(len(block), dtype=np.float32))[:, None, None]
        maps = (np.ascontiguousarray(fields[:, axis]).reshape(-1, CANVAS) for axis in (0, 1))
        warped = cv2.remap(strip.reshape(-1, CANVAS), *maps, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
        distorted[start : start + STRIP] = warped.reshape(block.shape)
    return distorted


def torch_fields(generator: torch.Generator, count: int) -> torch.Tensor:
    """Fields of `count` images at once, (n, 2, h, w)."""
    blur = torch.from_numpy(gaussian_matrix())
    noise = torch.rand((count, 2, CANVAS, CANVAS), generator=generator).mul_(2).sub_(1)
    return (blur @ noise @ blur).mul_(ALPHA)


def batched_torch(images: Images) -> torch.Tensor:
    """Two matrix products and grid_sample."""
    generator = torch.Generator().manual_seed(0)
    identity = F.affine_grid(torch.eye(2, 3)[None], [1, 1, CANVAS, CANVAS], align_corners=False)
    distorted = torch.empty((len(images), CANVAS, CANVAS), dtype=torch.uint8)
    for start in range(0, len(images), TORCH_BATCH):
        block = torch.from_numpy(images[start : start + TORCH_BATCH]).unsqueeze(1).float()
        grid = identity + torch_fields(generator, len(block)).permute(0, 2, 3, 1) * (2 / CANVAS)
        warped = F.grid_sample(block, grid, align_corners=False)
        distorted[start : start + TORCH_BATCH] = warped.squeeze(1).round_()
    return distorted


def opencv_fields(generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The field of one image, (h, w) along x and along y."""
    dx, dy = uniform_noise(generator, (2, CANVAS, CANVAS))
    dx = cv2.GaussianBlur(dx, (KERNEL, KERNEL), SIGMA, borderType=cv2.BORDER_CONSTANT) * ALPHA
    dy = cv2.GaussianBlur(dy, (KERNEL, KERNEL), SIGMA, borderType=cv2.BORDER_CONSTANT) * ALPHA
    return dx, dy


def opencv_by_hand(images: Images) -> Images:
    """The recipe of many notebooks."""
    generator = np.random.default_rng(0)
    x, y = np.meshgrid(np.arange(CANVAS, dtype=np.float32), np.arange(CANVAS, dtype=np.float32))
    distorted = np.empty_like(images)
    for number, image in enumerate(images):
        dx, dy = opencv_fields(generator)
        distorted[number] = cv2.remap(image, x + dx, y + dy, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    return distorted


def scipy_fields(generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The field of one image, (h, w) along x and along y."""
    dx, dy = (
        ndimage.gaussian_filter(uniform_noise(generator, (CANVAS, CANVAS)), SIGMA, mode="constant") * ALPHA
        for _ in range(2)
    )
    return dx, dy


def scipy_elastic(images: Images) -> Images:
    """The recipe of most other notebooks."""
    generator = np.random.default_rng(0)
    y, x = np.mgrid[:CANVAS, :CANVAS]
    distorted = np.empty_like(images)
    for number, image in enumerate(images):
        dx, dy = scipy_fields(generator)
        distorted[number] = ndimage.map_coordinates(image, [y + dy, x + dx], order=1, mode="grid-constant")
    return distorted


def elasticdeform_elastic(images: Images) -> Images:
    """The pipeline's own audit: an independent C implementation of the warp."""
    distorted = np.empty_like(images)
    fields = our_fields(len(images))
    for number, (image, field) in enumerate(zip(images, fields, strict=True)):
        distorted[number] = deform_with_elasticdeform(image, field) + 0.5
    return distorted


def albumentations_elastic() -> albumentations.ElasticTransform:
    """Its default noise would be Gaussian, divided by its largest value."""
    return albumentations.ElasticTransform(alpha=ALPHA, sigma=SIGMA, noise_distribution="uniform", p=1)


def one_by_one(transform: albumentations.BasicTransform, images: Images) -> Images:
    """Each image by a transform of albumentations."""
    return np.stack([transform(image=image)["image"] for image in images])


def kornia_elastic() -> kornia.RandomElasticTransform:
    """Its alpha is in half images, that of `grid_sample`."""
    alpha = 2 * ALPHA / CANVAS
    return kornia.RandomElasticTransform((KERNEL, KERNEL), (float(SIGMA),) * 2, (alpha, alpha), p=1)


def kornia_batches(transform: torch.nn.Module, images: Images) -> torch.Tensor:
    """Batches by a transform of kornia, which gives each image its own random numbers; the result is float32."""
    with torch.inference_mode():
        floats = torch.from_numpy(images).unsqueeze(1).float().div_(255)
        return torch.cat([transform(batch) for batch in floats.split(TORCH_BATCH)])


def torchvision_one_by_one(transform: v2.Transform, images: Images) -> torch.Tensor:
    """Each image by a transform of torchvision, which gives a batch the same random numbers throughout."""
    return torch.stack([transform(image) for image in tv_tensors.Image(torch.from_numpy(images).unsqueeze(1))])


# How far they move a pixel -------------------------------------------------------------------------------------------


def our_fields(count: int) -> Fields:
    """Ours."""
    return distortions.displacement_fields(ELASTIC, key(), 0, count, CANVAS)


def albumentations_fields(count: int) -> Fields:
    """From the maps that albumentations hands to OpenCV."""
    transform, identity = albumentations_elastic(), np.mgrid[:CANVAS, :CANVAS][::-1]
    made = (transform.get_params_dependent_on_data({"shape": (CANVAS, CANVAS)}, {}) for _ in range(count))
    return np.stack([np.stack([maps["map_x"], maps["map_y"]]) - identity for maps in made])


def torchvision_fields(count: int) -> Fields:
    """From the displacement that torchvision adds to the grid, in half images."""
    transform = v2.ElasticTransform(alpha=2.0 * ALPHA, sigma=float(SIGMA))
    image = tv_tensors.Image(torch.zeros(1, CANVAS, CANVAS))
    made = [transform.make_params([image])["displacement"][0] for _ in range(max(1, count // 10))]
    return torch.stack(made).permute(0, 3, 1, 2).numpy() * CANVAS / 2


@contextmanager
def sampled_grids() -> Iterator[list[torch.Tensor]]:
    """The grids that reach torch.nn.functional.grid_sample within the block."""
    grids, original = [], F.grid_sample

    def spy(images: torch.Tensor, grid: torch.Tensor, **options: object) -> torch.Tensor:
        grids.append(grid)
        return original(images, grid, **options)

    F.grid_sample = spy
    try:
        yield grids
    finally:
        F.grid_sample = original


def kornia_fields(count: int) -> Fields:
    """From the grids that kornia hands to grid_sample."""
    with sampled_grids() as grids:
        kornia_batches(kornia_elastic(), np.zeros((count, CANVAS, CANVAS), np.uint8))
    identity = F.affine_grid(torch.eye(2, 3)[None], [1, 1, CANVAS, CANVAS], align_corners=False)
    return (torch.cat(grids) - identity).permute(0, 3, 1, 2).numpy() * CANVAS / 2


FIELDS_OF: dict[str, Callable[[int], Fields]] = {
    "ours": our_fields,
    "NumPy": lambda count: numpy_fields(np.random.default_rng(0), count),
    "PyTorch": lambda count: torch_fields(torch.Generator().manual_seed(0), count).numpy(),
    "OpenCV": lambda count: many(opencv_fields, count),
    "scipy": lambda count: many(scipy_fields, count),
    "albumentations": albumentations_fields,
    "kornia": kornia_fields,
    "torchvision": torchvision_fields,
}


def many(fields: Callable[[np.random.Generator], tuple[np.ndarray, np.ndarray]], count: int) -> Fields:
    """The fields of `count` images that are made one by one."""
    generator = np.random.default_rng(0)
    return np.stack([np.stack(fields(generator)) for _ in range(count)])


def rms_displacement(fields: Fields) -> float:
    """Root mean square displacement along an axis, in pixels."""
    return float(np.sqrt(np.square(fields, dtype=np.float64).mean()))


# How right ours is ---------------------------------------------------------------------------------------------------


def agreement(images: Images, share: float) -> dict[str, float]:
    """Mean and largest difference of our images from the reference in float64, in grey levels."""
    chosen = images[: max(16, int(CHECKED * min(1, share)))]
    difference = np.abs(ours_elastic(chosen).astype(np.float64) - reference(chosen))
    return {"mean_difference": float(difference.mean()), "largest_difference": float(difference.max())}


def reference(images: Images) -> np.ndarray:
    """Elastic distortion in float64 from our random numbers, by scipy's blur and interpolation; rounded at the end."""
    y, x = np.mgrid[:CANVAS, :CANVAS]
    warped = np.empty(images.shape)
    for number, (image, noise) in enumerate(zip(images, our_noise(len(images)).astype(np.float64), strict=True)):
        dx, dy = (ndimage.gaussian_filter(along, SIGMA, mode="constant") * ALPHA for along in noise)
        warped[number] = ndimage.map_coordinates(
            image.astype(np.float64), [y + dy, x + dx], order=1, mode="grid-constant"
        )
    return np.floor(warped + 0.5)


def our_noise(count: int) -> np.ndarray:
    """The uniform(-1, 1) numbers behind our fields: what a Gaussian leaves that is too narrow to blur anything."""
    unblurred = Distortion(elastic=Elastic(sigma=0.01, alpha=1))
    return distortions.displacement_fields(unblurred, key(), 0, count, CANVAS)


# ---------------------------------------------------------------------------------------------------------------------
# Affine


def affine_task(images: Images, share: float) -> Task:
    """Rotation, shear, scaling and a shift by parts of a pixel, drawn afresh for each image."""
    add = partial(contender, images=images, share=share)
    degrees = math.degrees(math.atan(SHEAR))
    scale = (1 - SCALING, 1 + SCALING)
    return Task(
        "affine",
        [
            add("ours", lambda chosen: distort(chosen, AFFINE, key(), 0), count=40_000),
            add(
                "OpenCV, image by image",
                opencv_affine,
                count=8_000,
                note="warpAffine; rounds to 1/32 px",
            ),
            add(
                "albumentations",
                partial(
                    one_by_one,
                    albumentations.Affine(
                        scale=scale,
                        translate_px=(-SHIFT, SHIFT),
                        rotate=(-ROTATION, ROTATION),
                        shear={"x": (-degrees, degrees), "y": 0},
                        p=1,
                    ),
                ),
                count=1_000,
                note="shifts by whole pixels",
            ),
            add("scipy.ndimage", scipy_affine, count=2_000, note="affine_transform of order 1"),
            add(
                "kornia",
                partial(
                    kornia_batches,
                    kornia.RandomAffine(
                        ROTATION, (SHIFT / CANVAS,) * 2, (*scale, *scale), (-degrees, degrees, 0, 0), p=1
                    ),
                ),
                count=4_000,
            ),
            add(
                "torchvision v2",
                partial(
                    torchvision_one_by_one,
                    v2.RandomAffine(
                        ROTATION,
                        (SHIFT / CANVAS,) * 2,
                        scale,
                        (-degrees, degrees, 0, 0),
                        interpolation=v2.InterpolationMode.BILINEAR,
                    ),
                ),
                count=1_000,
                note="one scale for both axes; shifts by whole pixels; image by image",
            ),
        ],
        *operations.affine(CANVAS),
    )


def random_matrices(count: int) -> np.ndarray:
    """Affine maps (n, 2, 3) from a pixel (x, y) to where it is read."""
    numbers = np.random.default_rng(0).uniform(-1, 1, (count, 6))
    angle = np.radians(ROTATION) * numbers[:, 0]
    cosine, sine, shear = np.cos(angle), np.sin(angle), SHEAR * numbers[:, 1]
    scale_x, scale_y = (1 + SCALING * numbers[:, 2:4]).T
    matrices = np.empty((count, 2, 3))
    matrices[:, 0, 0], matrices[:, 0, 1] = cosine * scale_x, (cosine * shear - sine) * scale_y
    matrices[:, 1, 0], matrices[:, 1, 1] = sine * scale_x, (sine * shear + cosine) * scale_y
    middle = np.full(2, (CANVAS - 1) / 2)
    matrices[:, :, 2] = middle - matrices[:, :, :2] @ middle + SHIFT * numbers[:, 4:6]
    return matrices


def opencv_affine(images: Images) -> Images:
    """A call of warpAffine for each image; the matrices are made at once."""
    distorted = np.empty_like(images)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    for number, (image, matrix) in enumerate(zip(images, random_matrices(len(images)), strict=True)):
        distorted[number] = cv2.warpAffine(image, matrix, (CANVAS, CANVAS), flags=flags)
    return distorted


def scipy_affine(images: Images) -> Images:
    """A call of affine_transform for each image, rows first; the matrices are made at once."""
    distorted = np.empty_like(images)
    for number, (image, matrix) in enumerate(zip(images, random_matrices(len(images)), strict=True)):
        rows_first = matrix[::-1, [1, 0, 2]]
        distorted[number] = ndimage.affine_transform(image, rows_first, order=1, mode="grid-constant")
    return distorted


# ---------------------------------------------------------------------------------------------------------------------
# Translation


def translation_task(images: Images, share: float) -> Task:
    """A shift by whole pixels, drawn afresh for each image."""
    add = partial(contender, images=images, share=share)
    return Task(
        "translation",
        [
            add("ours", lambda chosen: distort(chosen, TRANSLATION, key(), 0), count=40_000),
            add("NumPy, batched", batched_numpy_shift, count=20_000, note="a gather from windows of padded images"),
            add("NumPy, image by image", numpy_shift, count=20_000, note="a slice of a padded image"),
            add("OpenCV, image by image", opencv_shift, count=8_000, note="warpAffine"),
            add("scipy.ndimage", scipy_shift, count=4_000, note="shift of order 0"),
            add(
                "torchvision v2",
                partial(torchvision_one_by_one, v2.RandomAffine(0, (SHIFT / CANVAS,) * 2)),
                count=1_000,
                note="RandomAffine; image by image",
            ),
        ],
        *operations.translation(CANVAS),
    )


def random_shifts(count: int) -> np.ndarray:
    """Whole pixels (n, 2), each of -SHIFT..SHIFT equally likely."""
    return np.random.default_rng(0).integers(-SHIFT, SHIFT + 1, (count, 2))


def batched_numpy_shift(images: Images) -> Images:
    """All windows of the padded images, of which each image picks one."""
    padded = np.pad(images, ((0, 0), (SHIFT, SHIFT), (SHIFT, SHIFT)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (CANVAS, CANVAS), axis=(1, 2))
    rows, columns = SHIFT + random_shifts(len(images)).T
    return windows[np.arange(len(images)), rows, columns]


def numpy_shift(images: Images) -> Images:
    """A slice for each image."""
    padded = np.pad(images, ((0, 0), (SHIFT, SHIFT), (SHIFT, SHIFT)))
    shifted = np.empty_like(images)
    for number, (row, column) in enumerate((SHIFT + random_shifts(len(images))).tolist()):
        shifted[number] = padded[number, row : row + CANVAS, column : column + CANVAS]
    return shifted


def opencv_shift(images: Images) -> Images:
    """A call of warpAffine for each image."""
    shifted = np.empty_like(images)
    for number, (image, (dx, dy)) in enumerate(zip(images, random_shifts(len(images)).tolist(), strict=True)):
        shifted[number] = cv2.warpAffine(image, np.array([[1.0, 0, dx], [0, 1, dy]]), (CANVAS, CANVAS))
    return shifted


def scipy_shift(images: Images) -> Images:
    """A call of shift for each image."""
    shifted = np.empty_like(images)
    for number, (image, shift) in enumerate(zip(images, random_shifts(len(images)), strict=True)):
        ndimage.shift(image, shift, order=0, output=shifted[number])
    return shifted


# ---------------------------------------------------------------------------------------------------------------------
# Where our time goes


def part_task(images: Images, share: float) -> Task:
    """The parts of our elastic distortion, block by block as `distort` calls them."""
    add = partial(contender, images=images, share=share, count=40_000)
    shape = (distortions.BLOCK, 2, CANVAS, distortions.padded_width(CANVAS))
    fields, spare = np.empty((2, *shape), np.float32)

    def blocks(chosen: Images) -> Iterator[tuple[int, Images]]:
        for start in range(0, len(chosen), distortions.BLOCK):
            yield start, chosen[start : start + distortions.BLOCK]

    def make_noise(chosen: Images) -> None:
        for start, block in blocks(chosen):
            philox.fill_with_noise(fields[: len(block)], key(), start, distortions.GLOBAL_TICKS)

    def make_fields(chosen: Images) -> None:
        for start, block in blocks(chosen):
            distortions.fill_fields(fields[: len(block)], spare[: len(block)], ELASTIC, key(), start)

    def warp(chosen: Images) -> None:
        for _, block in blocks(chosen):
            distortions.warp_padded(block, fields[: len(block)], np.empty_like(block))

    return Task(
        PARTS,
        [
            add("ours", ours_elastic, note="all of it, once more"),
            add("random numbers", make_noise),
            add("fields", make_fields, note="random numbers included"),
            add("warp", warp),
        ],
        *operations.elastic(CANVAS),
    )
