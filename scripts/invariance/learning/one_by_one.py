"""Training Simard's network by one image at a time: every weight moves after every image.

With batches of one image, the calls to each layer take longer than its arithmetic, so one compiled loop does a whole
epoch. It takes the same steps as the layers and `NesterovSGD`, up to rounding.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn

from invariance.layers.conv import ConvReLU, ConvTanh
from invariance.layers.images_last import compiled
from invariance.layers.linear import Linear
from invariance.layers.tanh import Tanh

LANES = 8  # rows are padded to a multiple of this, so that the compiler needs no loop for the rest
LOSSES = ("cross_entropy", "mse")


def layers_one_by_one(model: nn.Module) -> list[nn.Module] | None:
    """The four layers with weights of a network like Simard's, and before them what it makes of its input.

    None for any other network, and for one of which only a part is trained.
    """
    layers = list(model) if isinstance(model, nn.Sequential) else []
    first, rest = (layers[:1], layers[1:]) if len(layers) == 7 else ([nn.Identity()], layers)
    kinds = (ConvReLU | ConvTanh, ConvReLU | ConvTanh, nn.Flatten, Linear, nn.ReLU | Tanh, Linear)
    fits = len(rest) == len(kinds) and all(map(isinstance, rest, kinds)) and not list(first[0].parameters())
    trained = all(parameter.requires_grad for parameter in model.parameters())
    return [*first, rest[0], rest[1], rest[3], rest[5]] if fits and trained else None


def train_one_by_one(
    layers: Sequence[nn.Module],
    velocities: Sequence[Tensor],
    images: Tensor,
    targets: np.ndarray,
    rates: np.ndarray,
    momentum: float,
    weight_decay: float,
    loss: str,
) -> Tensor:
    """Take one step for each image, in their order; the weights and velocities change in place.

    Args:
        layers: as `layers_one_by_one` finds them.
        velocities: of each parameter, in the order of the model.
        images: (n, 1, h, w), in the precision of the weights.
        targets: int64 (n,), classes.
        rates: (n,), the learning rate of each step.
        momentum: Nesterov's.
        weight_decay: L2 penalty.
        loss: one of LOSSES.

    Returns:
        The logits (n, classes) that each image had before its step.
    """
    first, *trained = layers
    weights = [parameter.detach() for layer in trained for parameter in (layer.weight, layer.bias)]
    arrays, moving = ([in_rows(tensor) for tensor in tensors] for tensors in (weights, velocities))
    with torch.no_grad():
        pixels = first(images)[:, 0].contiguous().numpy()
    tanh = getattr(trained[0], "tanh", Tanh(0.0, 0.0))  # an amplitude of 0 stands for the ReLU
    constants = np.array([tanh.amplitude, tanh.slope, momentum, weight_decay], pixels.dtype)
    logits = np.empty((len(pixels), trained[3].out_features), pixels.dtype)
    with tiny_numbers_as_zero():
        steps(pixels, targets, rates.astype(pixels.dtype), *arrays, *moving, constants, LOSSES.index(loss), logits)
    for tensor, rows in zip((*weights, *velocities), (*arrays, *moving), strict=True):
        tensor.copy_(from_rows(rows, tensor))
    return torch.from_numpy(logits)


@contextmanager
def tiny_numbers_as_zero() -> Iterator[None]:
    """Take denormal numbers for 0: the velocities of weights that do not move shrink to them, and they are slow."""
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)


def in_rows(weights: Tensor) -> np.ndarray:
    """Weights as contiguous padded rows: one for each map of a convolution, or for each input of a full layer.

    Those of a full layer are (inputs, outputs), since an input that is 0 needs none of its weights. A bias is one row.
    """
    rows = (weights[None] if weights.dim() == 1 else weights.t() if weights.dim() == 2 else weights.flatten(1)).numpy()
    padded = np.zeros((len(rows), -(-rows.shape[1] // LANES) * LANES), rows.dtype)
    padded[:, : rows.shape[1]] = rows
    return padded


def from_rows(rows: np.ndarray, like: Tensor) -> Tensor:
    """The inverse of `in_rows`, in the shape of `like`."""
    if like.dim() == 1:
        return torch.from_numpy(rows[0, : len(like)])
    if like.dim() == 2:
        return torch.from_numpy(rows[:, : len(like)]).t()
    return torch.from_numpy(rows[:, : like[0].numel()]).reshape(like.shape)


@compiled
def steps(
    pixels, targets, rates,
    w_1, b_1, w_2, b_2, w_3, b_3, w_4, b_4,
    v_w_1, v_b_1, v_w_2, v_b_2, v_w_3, v_b_3, v_w_4, v_b_4,
    constants, loss, logits,
):  # fmt: skip
    """One step for each image; weights as of `in_rows`, and two convolutions of 5x5 at stride 2."""
    amplitude, slope, momentum, decay = constants
    kernel, stride, of_type = 5, 2, pixels.dtype.type
    side_1 = (pixels.shape[1] - kernel) // stride + 1
    side_2 = (side_1 - kernel) // stride + 1
    places_1, places_2, taps, classes = side_1 * side_1, side_2 * side_2, kernel * kernel, logits.shape[1]
    # Maps are (map, place). Patches are (tap, place) for the first convolution and (place, tap) for the second.
    patches_1 = np.zeros((taps, (places_1 + 7) // 8 * 8), pixels.dtype)
    patches_2 = np.zeros((places_2, w_2.shape[1]), pixels.dtype)
    maps_1 = np.empty((len(w_1), patches_1.shape[1]), pixels.dtype)
    maps_2 = np.empty((len(w_2), places_2), pixels.dtype)
    slopes_1, slopes_2 = np.zeros_like(maps_1), np.empty_like(maps_2)
    gradient_1, gradient_2 = np.zeros_like(w_1), np.empty_like(w_2)
    flat_maps, flat_slopes = maps_1.ravel(), slopes_1.ravel()
    reading = np.empty((places_2, len(w_1) * taps), np.int64)  # where each tap of the second convolution reads
    for place in range(places_2):
        corner = stride * (place // side_2) * side_1 + stride * (place % side_2)
        for tap in range(len(w_1) * taps):
            at = tap % taps
            reading[place, tap] = tap // taps * maps_1.shape[1] + corner + at // kernel * side_1 + at % kernel
    patch_slopes, column = np.empty(w_2.shape[1], pixels.dtype), np.empty(len(w_2), pixels.dtype)
    sums_1, sums_2 = np.zeros(b_1.shape[1], pixels.dtype), np.zeros(b_2.shape[1], pixels.dtype)
    features, feature_slopes = maps_2.ravel(), slopes_2.ravel()
    hidden, scores = np.empty(b_3.shape[1], pixels.dtype), np.empty(b_4.shape[1], pixels.dtype)
    hidden_slopes, score_slopes = np.zeros_like(hidden), np.zeros_like(scores)
    active, every = np.empty(len(features), np.int64), np.arange(max(len(features), len(hidden)))

    for image in range(len(pixels)):
        rate = rates[image]
        # Forward
        for tap in range(taps):
            for y in range(side_1):
                for x in range(side_1):
                    pixel = pixels[image, stride * y + tap // kernel, stride * x + tap % kernel]
                    patches_1[tap, y * side_1 + x] = pixel
        for channel in range(len(maps_1)):
            maps_1[channel, :] = b_1[0, channel]
            add_rows(maps_1[channel], w_1[channel], patches_1, every, taps)
            bend(maps_1[channel], places_1, amplitude, slope)
        for place in range(places_2):
            patch, sources = patches_2[place], reading[place]
            for tap in range(len(sources)):
                patch[tap] = flat_maps[sources[tap]]
            products(w_2, patch, column)
            for channel in range(len(maps_2)):
                maps_2[channel, place] = column[channel] + b_2[0, channel]
        bend(features, len(features), amplitude, slope)
        count = 0
        for i in range(len(features)):
            if features[i] != 0:
                active[count] = i
                count += 1
        hidden[:] = b_3[0]
        add_rows(hidden, features, w_3, active, count)
        bend(hidden, len(w_4), amplitude, slope)
        scores[:] = b_4[0]
        add_rows(scores, hidden, w_4, every, len(w_4))
        logits[image] = scores[:classes]

        # Backward
        if loss == 0:
            highest = scores[:classes].max()
            for label in range(classes):
                score_slopes[label] = np.exp(scores[label] - highest)
            score_slopes /= score_slopes.sum()
        else:
            score_slopes[:classes] = scores[:classes]
        score_slopes[targets[image]] -= of_type(1)
        through(w_4, v_w_4, hidden, score_slopes, hidden_slopes, every, len(w_4), rate, momentum, decay)
        step(b_4[0], v_b_4[0], score_slopes, rate, momentum, decay)
        bend_back(hidden, hidden_slopes, len(w_4), amplitude, slope)
        if amplitude == 0 and momentum == 0 and decay == 0:  # behind a ReLU that gives 0, nothing moves
            feature_slopes[:] = of_type(0)
            through(w_3, v_w_3, features, hidden_slopes, feature_slopes, active, count, rate, momentum, decay)
        else:
            through(w_3, v_w_3, features, hidden_slopes, feature_slopes, every, len(w_3), rate, momentum, decay)
        step(b_3[0], v_b_3[0], hidden_slopes, rate, momentum, decay)
        bend_back(features, feature_slopes, len(features), amplitude, slope)
        gradient_2[:] = of_type(0)
        for channel in range(len(w_2)):
            add_rows(gradient_2[channel], slopes_2[channel], patches_2, every, places_2)
            sums_2[channel] = slopes_2[channel].sum()
        slopes_1[:] = of_type(0)
        for place in range(places_2):
            column[:] = slopes_2[:, place]
            patch_slopes[:] = of_type(0)
            add_rows(patch_slopes, column, w_2, every, len(w_2))
            sources = reading[place]
            for tap in range(len(sources)):
                flat_slopes[sources[tap]] += patch_slopes[tap]
        for channel in range(len(maps_1)):
            bend_back(maps_1[channel], slopes_1[channel], places_1, amplitude, slope)
            products(patches_1, slopes_1[channel], gradient_1[channel])
            sums_1[channel] = slopes_1[channel].sum()
        step(w_2.ravel(), v_w_2.ravel(), gradient_2.ravel(), rate, momentum, decay)
        step(b_2[0], v_b_2[0], sums_2, rate, momentum, decay)
        step(w_1.ravel(), v_w_1.ravel(), gradient_1.ravel(), rate, momentum, decay)
        step(b_1[0], v_b_1[0], sums_1, rate, momentum, decay)


@compiled
def add_rows(sums, values, rows, chosen, count):
    """Add values[i] * rows[i] to the sums for the first `count` of the chosen i, eight at a time."""
    for k in range(0, count - 7, 8):
        a, b, c, d = values[chosen[k]], values[chosen[k + 1]], values[chosen[k + 2]], values[chosen[k + 3]]
        e, f, g, h = values[chosen[k + 4]], values[chosen[k + 5]], values[chosen[k + 6]], values[chosen[k + 7]]
        row_a, row_b, row_c, row_d = rows[chosen[k]], rows[chosen[k + 1]], rows[chosen[k + 2]], rows[chosen[k + 3]]
        row_e, row_f, row_g, row_h = rows[chosen[k + 4]], rows[chosen[k + 5]], rows[chosen[k + 6]], rows[chosen[k + 7]]
        for unit in range(len(sums)):
            first = a * row_a[unit] + b * row_b[unit] + c * row_c[unit] + d * row_d[unit]
            sums[unit] += first + e * row_e[unit] + f * row_f[unit] + g * row_g[unit] + h * row_h[unit]
    for k in range(count // 8 * 8, count):
        a, row_a = values[chosen[k]], rows[chosen[k]]
        for unit in range(len(sums)):
            sums[unit] += a * row_a[unit]


@compiled
def products(rows, vector, found):
    """The product of each row with a vector, eight at a time; the last eight repeat some."""
    for k in range(0, len(rows), 8):
        k = max(0, min(k, len(rows) - 8))
        row_a, row_b, row_c, row_d = rows[k], rows[k + 1], rows[k + 2], rows[k + 3]
        row_e, row_f, row_g, row_h = rows[k + 4], rows[k + 5], rows[k + 6], rows[k + 7]
        a = b = c = d = e = f = g = h = vector.dtype.type(0)
        for i in range(len(vector)):
            value = vector[i]
            a, b, c, d = a + row_a[i] * value, b + row_b[i] * value, c + row_c[i] * value, d + row_d[i] * value
            e, f, g, h = e + row_e[i] * value, f + row_f[i] * value, g + row_g[i] * value, h + row_h[i] * value
        found[k], found[k + 1], found[k + 2], found[k + 3] = a, b, c, d
        found[k + 4], found[k + 5], found[k + 6], found[k + 7] = e, f, g, h


@compiled
def bend(values, count, amplitude, slope):
    """The nonlinearity of the first `count` values: amplitude * tanh(slope * x), or with an amplitude of 0 the ReLU.

    The tanh of x / 8 is Lambert's continued fraction; three times tanh(2x) = 2 tanh(x) / (1 + tanh(x)^2) follow. That
    is exact to rounding, and vectors can do it, where the library's tanh takes most of the time of a step.
    """
    of_type = values.dtype.type
    one, two, most, eighth = of_type(1), of_type(2), of_type(20), of_type(0.125)
    a, b, c = of_type(135135), of_type(17325), of_type(378)
    d, e, f = of_type(62370), of_type(3150), of_type(28)
    for i in range(count):
        if amplitude == 0:
            values[i] = max(values[i], of_type(0))
        else:
            x = max(min(slope * values[i], most), -most) * eighth
            square = x * x
            bent = x * (a + square * (b + square * (c + square))) / (a + square * (d + square * (e + f * square)))
            bent = two * bent / (one + bent * bent)
            bent = two * bent / (one + bent * bent)
            values[i] = amplitude * (two * bent / (one + bent * bent))


@compiled
def bend_back(values, slopes, count, amplitude, slope):
    """Multiply slopes by the derivative of the nonlinearity where it gave these values, in place."""
    for i in range(count):
        if amplitude == 0:
            slopes[i] = slopes[i] if values[i] > 0 else values.dtype.type(0)
        else:
            slopes[i] *= slope * (amplitude - values[i] * values[i] / amplitude)


@compiled
def step(weights, velocities, gradient, rate, momentum, decay):
    """One step of gradient descent with Nesterov momentum, in place."""
    if momentum == 0:
        for i in range(len(weights)):
            weights[i] -= rate * (gradient[i] + decay * weights[i])
    else:
        for i in range(len(weights)):
            moved = gradient[i] + decay * weights[i]
            velocities[i] = momentum * velocities[i] + moved
            weights[i] -= rate * (moved + momentum * velocities[i])


@compiled
def through(weights, velocities, inputs, slopes, input_slopes, chosen, count, rate, momentum, decay):
    """Back through a full layer (inputs, outputs), and its step, in one pass over the rows that are chosen."""
    for k in range(count):
        i = chosen[k]
        row, value, total = weights[i], inputs[i], weights.dtype.type(0)
        if momentum == 0 and decay == 0:
            change = rate * value
            for unit in range(len(row)):
                weight, along = row[unit], slopes[unit]
                total += weight * along
                row[unit] = weight - change * along
        else:
            velocity = velocities[i]
            for unit in range(len(row)):
                weight, along = row[unit], slopes[unit]
                total += weight * along
                moved = value * along + decay * weight
                velocity[unit] = momentum * velocity[unit] + moved
                row[unit] = weight - rate * (moved + momentum * velocity[unit])
        input_slopes[i] = total
