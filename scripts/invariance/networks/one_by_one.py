"""Training Simard's network by one image at a time: every weight moves after every image.

With batches of one image, the calls to each layer take longer than its arithmetic, so one compiled loop does a whole
epoch. It takes the same steps as the layers and `NesterovSGD`, up to rounding.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn

from invariance.layers.images_last import compiled
from invariance.layers.tanh import Tanh

LANES = 32  # rows are padded to a multiple of this, so that the compiler needs no loop for the rest
LOSSES = ("cross_entropy", "mse")


def train_one_by_one(
    layers: Sequence[nn.Module],
    velocities: Sequence[Tensor],
    images: Tensor,
    targets: Tensor,
    rates: Tensor,
    momentum: float,
    weight_decay: float,
    loss: str,
) -> Tensor:
    """Take one step for each image, in their order; the weights and velocities change in place.

    Args:
        layers: the transform of the input, then the four layers with weights, in order.
        velocities: of each parameter, in the order of the model.
        images: (n, 1, h, w), in the precision of the weights.
        targets: int64 (n,), classes.
        rates: float64 (n,), the learning rate of each step.
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
    each = pixels, targets.numpy(), rates.to(images.dtype).numpy()
    with tiny_numbers_as_zero():
        steps(*each, *arrays, *moving, constants, LOSSES.index(loss), logits)
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
    """Weights as contiguous padded rows, one for each output; a bias is one row."""
    rows = (weights[None] if weights.dim() == 1 else weights.flatten(1)).numpy()
    padded = np.zeros((len(rows), -(-rows.shape[1] // LANES) * LANES), rows.dtype)
    padded[:, : rows.shape[1]] = rows
    return padded


def from_rows(rows: np.ndarray, like: Tensor) -> Tensor:
    """The inverse of `in_rows`, in the shape of `like`."""
    return torch.from_numpy(rows[:, : like.numel() // len(rows)]).reshape(like.shape)


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
    patches_1 = np.zeros((taps, (places_1 + LANES - 1) // LANES * LANES), pixels.dtype)
    patches_2 = np.zeros((places_2, w_2.shape[1]), pixels.dtype)
    maps_1 = np.empty((len(w_1), patches_1.shape[1]), pixels.dtype)
    maps_2 = np.empty((len(w_2), places_2), pixels.dtype)
    slopes_1, patch_slopes = np.zeros_like(maps_1), np.empty_like(patches_2)
    gradient_1, gradient_2 = np.zeros_like(w_1), np.empty_like(w_2)
    flat_maps, flat_slopes = maps_1.ravel(), slopes_1.ravel()
    reading = np.empty((places_2, len(w_1) * taps), np.uint64)  # where each tap of the second convolution reads
    for place in range(places_2):
        corner = stride * (place // side_2) * side_1 + stride * (place % side_2)
        for tap in range(len(w_1) * taps):
            at = tap % taps
            reading[place, tap] = tap // taps * maps_1.shape[1] + corner + at // kernel * side_1 + at % kernel
    sums_1, sums_2 = np.zeros(b_1.shape[1], pixels.dtype), np.zeros(b_2.shape[1], pixels.dtype)
    features, feature_slopes = np.zeros(w_3.shape[1], pixels.dtype), np.empty(w_3.shape[1], pixels.dtype)
    slopes_2 = feature_slopes[: maps_2.size].reshape(maps_2.shape)
    hidden, hidden_slopes = np.zeros(w_4.shape[1], pixels.dtype), np.zeros(w_4.shape[1], pixels.dtype)
    scores, score_slopes = np.empty(classes, pixels.dtype), np.zeros(b_4.shape[1], pixels.dtype)

    for image in range(len(pixels)):
        rate = rates[image]
        # Forward
        for tap in range(taps):
            for y in range(side_1):
                for x in range(side_1):
                    pixel = pixels[image, stride * y + tap // kernel, stride * x + tap % kernel]
                    patches_1[tap, y * side_1 + x] = pixel
        combine(w_1, patches_1, maps_1)
        for channel in range(len(maps_1)):
            activate(maps_1[channel], b_1[0, channel], places_1, amplitude, slope)
        for place in range(places_2):
            patch, sources = patches_2[place], reading[place]
            for tap in range(len(sources)):
                patch[tap] = flat_maps[sources[tap]]
        products(w_2, patches_2, maps_2)
        for channel in range(len(maps_2)):
            activate(maps_2[channel], b_2[0, channel], places_2, amplitude, slope)
        features[: maps_2.size] = maps_2.ravel()
        products_with_one(w_3, features, hidden)
        for unit in range(len(w_3)):
            hidden[unit] += b_3[0, unit]
        activate(hidden, of_type(0), len(w_3), amplitude, slope)
        products_with_one(w_4, hidden, scores)
        for label in range(classes):
            scores[label] += b_4[0, label]
        logits[image] = scores

        # Backward
        if loss == 0:
            highest = scores.max()
            for label in range(classes):
                score_slopes[label] = np.exp(scores[label] - highest)
            score_slopes /= score_slopes.sum()
        else:
            score_slopes[:classes] = scores
        score_slopes[targets[image]] -= of_type(1)
        through(w_4, v_w_4, hidden, score_slopes, hidden_slopes, rate, momentum, decay)
        step(b_4[0], v_b_4[0], score_slopes, rate, momentum, decay)
        activation_gradient(hidden, hidden_slopes, len(w_3), amplitude, slope)
        through(w_3, v_w_3, features, hidden_slopes, feature_slopes, rate, momentum, decay)
        step(b_3[0], v_b_3[0], hidden_slopes, rate, momentum, decay)
        activation_gradient(features, feature_slopes, maps_2.size, amplitude, slope)
        combine(slopes_2, patches_2, gradient_2)
        for channel in range(len(w_2)):
            sums_2[channel] = slopes_2[channel].sum()
        combine(slopes_2.T, w_2, patch_slopes)
        slopes_1[:] = of_type(0)
        for place in range(places_2):
            sources, along = reading[place], patch_slopes[place]
            for tap in range(len(sources)):
                flat_slopes[sources[tap]] += along[tap]
        for channel in range(len(maps_1)):
            activation_gradient(maps_1[channel], slopes_1[channel], places_1, amplitude, slope)
            sums_1[channel] = slopes_1[channel].sum()
        products(slopes_1, patches_1, gradient_1)
        step(w_2.ravel(), v_w_2.ravel(), gradient_2.ravel(), rate, momentum, decay)
        step(b_2[0], v_b_2[0], sums_2, rate, momentum, decay)
        step(w_1.ravel(), v_w_1.ravel(), gradient_1.ravel(), rate, momentum, decay)
        step(b_1[0], v_b_1[0], sums_1, rate, momentum, decay)


@compiled
def combine(weights, rows, sums):
    """Each sum is that of all rows, by its weights; (sums, rows), (rows, length) to (sums, length).

    Five rows at a time: a sum is read and written once for all of them.
    """
    for out in range(len(sums)):
        weight, total = weights[out], sums[out]
        total[:] = total.dtype.type(0)
        for k in range(0, len(rows) - 4, 5):
            a, b, c, d, e = weight[k], weight[k + 1], weight[k + 2], weight[k + 3], weight[k + 4]
            row_a, row_b, row_c, row_d, row_e = rows[k], rows[k + 1], rows[k + 2], rows[k + 3], rows[k + 4]
            for i in range(len(total)):
                total[i] += a * row_a[i] + b * row_b[i] + c * row_c[i] + d * row_d[i] + e * row_e[i]
        for k in range(len(rows) // 5 * 5, len(rows)):
            a, row_a = weight[k], rows[k]
            for i in range(len(total)):
                total[i] += a * row_a[i]


@compiled
def products(rows, others, found):
    """The product of each row with each of the others; (n, length), (m, length) to (n, m).

    Twelve at a time stay in registers; the last ones repeat where n and m are no multiples of 4 and 3.
    """
    last, end, zero = len(rows) - 1, len(others) - 1, found.dtype.type(0)
    for n in range(0, len(rows), 4):
        n_1, n_2, n_3 = min(n + 1, last), min(n + 2, last), min(n + 3, last)
        row_0, row_1, row_2, row_3 = rows[n], rows[n_1], rows[n_2], rows[n_3]
        for a in range(0, len(others), 3):
            b, c = min(a + 1, end), min(a + 2, end)
            other_a, other_b, other_c = others[a], others[b], others[c]
            a_0 = b_0 = c_0 = a_1 = b_1 = c_1 = a_2 = b_2 = c_2 = a_3 = b_3 = c_3 = zero
            for i in range(rows.shape[1]):
                x, y, z = other_a[i], other_b[i], other_c[i]
                value = row_0[i]
                a_0, b_0, c_0 = a_0 + value * x, b_0 + value * y, c_0 + value * z
                value = row_1[i]
                a_1, b_1, c_1 = a_1 + value * x, b_1 + value * y, c_1 + value * z
                value = row_2[i]
                a_2, b_2, c_2 = a_2 + value * x, b_2 + value * y, c_2 + value * z
                value = row_3[i]
                a_3, b_3, c_3 = a_3 + value * x, b_3 + value * y, c_3 + value * z
            found[n, a], found[n, b], found[n, c] = a_0, b_0, c_0
            found[n_1, a], found[n_1, b], found[n_1, c] = a_1, b_1, c_1
            found[n_2, a], found[n_2, b], found[n_2, c] = a_2, b_2, c_2
            found[n_3, a], found[n_3, b], found[n_3, c] = a_3, b_3, c_3


@compiled
def products_with_one(rows, vector, found):
    """The product of each row with a vector, eight at a time; the last ones repeat."""
    last = len(rows) - 1
    for n in range(0, len(rows), 8):
        n_1, n_2, n_3, n_4 = min(n + 1, last), min(n + 2, last), min(n + 3, last), min(n + 4, last)
        n_5, n_6, n_7 = min(n + 5, last), min(n + 6, last), min(n + 7, last)
        row_0, row_1, row_2, row_3 = rows[n], rows[n_1], rows[n_2], rows[n_3]
        row_4, row_5, row_6, row_7 = rows[n_4], rows[n_5], rows[n_6], rows[n_7]
        a = b = c = d = e = f = g = h = vector.dtype.type(0)
        for i in range(len(vector)):
            value = vector[i]
            a, b, c, d = a + row_0[i] * value, b + row_1[i] * value, c + row_2[i] * value, d + row_3[i] * value
            e, f, g, h = e + row_4[i] * value, f + row_5[i] * value, g + row_6[i] * value, h + row_7[i] * value
        found[n], found[n_1], found[n_2], found[n_3] = a, b, c, d
        found[n_4], found[n_5], found[n_6], found[n_7] = e, f, g, h


@compiled
def activate(values, bias, count, amplitude, slope):
    """The nonlinearity of the first `count` values plus a bias, in place.

    That is amplitude * tanh(slope * x), or with an amplitude of 0 the ReLU. The tanh of x / 8 is Lambert's continued
    fraction; three times tanh(2x) = 2 tanh(x) / (1 + tanh(x)^2) follow. That is exact to rounding, and vectors can do
    it, where the library's tanh takes most of the time of a step.
    """
    of_type = values.dtype.type
    one, two, most, eighth = of_type(1), of_type(2), of_type(20), of_type(0.125)
    a, b, c = of_type(135135), of_type(17325), of_type(378)
    d, e, f = of_type(62370), of_type(3150), of_type(28)
    for i in range(count):
        if amplitude == 0:
            values[i] = max(values[i] + bias, of_type(0))
        else:
            x = max(min(slope * (values[i] + bias), most), -most) * eighth
            square = x * x
            value = x * (a + square * (b + square * (c + square))) / (a + square * (d + square * (e + f * square)))
            value = two * value / (one + value * value)
            value = two * value / (one + value * value)
            values[i] = amplitude * (two * value / (one + value * value))


@compiled
def activation_gradient(values, slopes, count, amplitude, slope):
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
def through(weights, velocities, inputs, slopes, input_slopes, rate, momentum, decay):
    """Back through a full layer (outputs, inputs), and its step, in one pass over the weights."""
    input_slopes[:] = weights.dtype.type(0)
    for unit in range(len(weights)):
        row, along = weights[unit], slopes[unit]
        if momentum == 0 and decay == 0:
            change = rate * along
            for i in range(len(row)):
                weight = row[i]
                input_slopes[i] += weight * along
                row[i] = weight - change * inputs[i]
        else:
            velocity = velocities[unit]
            for i in range(len(row)):
                weight = row[i]
                input_slopes[i] += weight * along
                moved = along * inputs[i] + decay * weight
                velocity[i] = momentum * velocity[i] + moved
                row[i] = weight - rate * (moved + momentum * velocity[i])
