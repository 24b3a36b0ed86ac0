"""Compiled loops over maps that are stored with the images last: (channels, rows, columns, images).

Where the images are last, the innermost loop runs over images that are treated alike, contiguous in memory, whatever
the size of kernel, stride and map: the compiler turns each of these loops into vector instructions. Every function
writes into arrays that its caller has allocated, of one floating-point type, each row contiguous. Sums may be reordered
by the compiler, always in the same way; not-a-number is passed on.

`rows` and `columns` say where on the unpadded map each position of the padded one is read: see `padded_indices`.
"""

import numpy as np
from numba import njit

OUTSIDE = -1
CHUNK = 512  # summed in the arrays' own precision, before the chunks are summed in float64

compiled = njit(cache=True, fastmath={"contract", "reassoc", "nsz", "arcp"}, error_model="numpy")


def padded_indices(size: int, padding: int, mode: str) -> np.ndarray:
    """Index int64 (size + 2 * padding,) on an axis of `size` of each position of the padded axis; OUTSIDE is zero."""
    positions = np.arange(-padding, size + padding)
    if mode == "circular":
        return positions % size
    return np.where((positions >= 0) & (positions < size), positions, OUTSIDE)


# ----------------------------------------------------------------------------------------------------------------------
# Convolution, as a matrix product with patches


@compiled
def gather_patches(maps, rows, columns, kernel, stride, first, patches):
    """Copy what the kernel sees of maps (c, h, w, n) at each place of the output rows first, first + 1, ...

    The patches (c * kernel * kernel, output rows, output columns, n) are those of `im2col`, images last.
    """
    for patch in range(len(patches)):
        channel, tap = divmod(patch, kernel * kernel)
        tap_row, tap_column = divmod(tap, kernel)
        for y in range(patches.shape[1]):
            row = rows[(first + y) * stride + tap_row]
            for x in range(patches.shape[2]):
                column = columns[x * stride + tap_column]
                if row == OUTSIDE or column == OUTSIDE:
                    for image in range(patches.shape[3]):
                        patches[patch, y, x, image] = 0
                else:
                    for image in range(patches.shape[3]):
                        patches[patch, y, x, image] = maps[channel, row, column, image]


@compiled
def add_patches(patches, rows, columns, kernel, stride, first, maps):
    """The transpose of `gather_patches`: add each patch to where it was read from."""
    for patch in range(len(patches)):
        channel, tap = divmod(patch, kernel * kernel)
        tap_row, tap_column = divmod(tap, kernel)
        for y in range(patches.shape[1]):
            row = rows[(first + y) * stride + tap_row]
            if row == OUTSIDE:
                continue
            for x in range(patches.shape[2]):
                column = columns[x * stride + tap_column]
                if column != OUTSIDE:
                    for image in range(patches.shape[3]):
                        maps[channel, row, column, image] += patches[patch, y, x, image]


@compiled
def add_bias_and_rectify(maps, start, stop, bias):
    """max(maps + bias, 0) of the columns start..stop of maps (c, length), in place; bias (c,)."""
    for channel in range(len(maps)):
        row, shift = maps[channel, start:stop], bias[channel]
        for i in range(len(row)):
            value = row[i] + shift
            row[i] = 0 if value < 0 else value


@compiled
def rectify_backward(gradient, rectified, masked, bias_gradient):
    """Write the gradient (c, length), 0 where `rectified` is 0, to `masked`; add its sums to bias_gradient (c,)."""
    zero = gradient.dtype.type(0)
    for channel in range(len(gradient)):
        slopes, values, kept = gradient[channel], rectified[channel], masked[channel]
        total = zero
        for i in range(len(kept)):
            slope = zero if values[i] <= zero else slopes[i]
            kept[i] = slope
            total += slope
        bias_gradient[channel] += total


# ----------------------------------------------------------------------------------------------------------------------
# Batch normalisation, with the ReLU that follows it


@compiled
def moments(maps, means, variances):
    """Mean and (biased) variance (c,) of each row of maps (c, length)."""
    zero = maps.dtype.type(0)
    for channel in range(len(maps)):
        row = maps[channel]
        total = 0.0
        for start in range(0, len(row), CHUNK):
            chunk, part = row[start : start + CHUNK], zero
            for i in range(len(chunk)):
                part += chunk[i]
            total += part
        mean = maps.dtype.type(total / len(row))
        total = 0.0
        for start in range(0, len(row), CHUNK):
            chunk, part = row[start : start + CHUNK], zero
            for i in range(len(chunk)):
                deviation = chunk[i] - mean
                part += deviation * deviation
            total += part
        means[channel] = mean
        variances[channel] = total / len(row)


@compiled
def normalise_and_rectify(maps, means, scales, shifts, rectified):
    """max((maps - means) * scales + shifts, 0) of maps (c, length), into `rectified`."""
    for channel in range(len(maps)):
        mean, scale, shift = means[channel], scales[channel], shifts[channel]
        for i in range(maps.shape[1]):
            value = (maps[channel, i] - mean) * scale + shift
            rectified[channel, i] = 0 if value < 0 else value


@compiled
def normalise_backward(
    gradient, maps, means, deviations, weights, shifts, maps_gradient, weight_gradient, shift_gradient
):
    """Gradients of `normalise_and_rectify` whose means and standard deviations (c,) are those of the maps themselves.

    With x the normalised maps and g the gradient behind the ReLU, that of the maps is
    weight / deviation * (g - mean(g) - x * mean(g * x)). Ioffe and Szegedy, ICML 2015, section 3.
    """
    zero = maps.dtype.type(0)
    for channel in range(len(maps)):
        row, slopes, length = maps[channel], gradient[channel], maps.shape[1]
        mean, scale, shift = means[channel], weights[channel] / deviations[channel], shifts[channel]
        sum_g, sum_gx = 0.0, 0.0
        for start in range(0, length, CHUNK):
            chunk, chunk_slopes = row[start : start + CHUNK], slopes[start : start + CHUNK]
            part_g, part_gx = zero, zero
            for i in range(len(chunk)):
                centred = chunk[i] - mean
                g = zero if centred * scale + shift <= zero else chunk_slopes[i]
                part_g += g
                part_gx += g * centred
            sum_g += part_g
            sum_gx += part_gx
        sum_gx /= deviations[channel]
        shift_gradient[channel] = sum_g
        weight_gradient[channel] = sum_gx
        mean_g = maps.dtype.type(sum_g / length)
        tilt = maps.dtype.type(sum_gx / length / deviations[channel])
        for i in range(length):
            centred = row[i] - mean
            g = zero if centred * scale + shift <= zero else slopes[i]
            maps_gradient[channel, i] = scale * (g - mean_g - centred * tilt)


# ----------------------------------------------------------------------------------------------------------------------
# Downsampling by 2


@compiled
def filter_and_sample(maps, rows, columns, taps, sampled):
    """Convolve each channel with the filter taps x taps and keep every second pixel: sampled (c, h', w', n)."""
    for channel in range(len(sampled)):
        for y in range(sampled.shape[1]):
            for x in range(sampled.shape[2]):
                for image in range(sampled.shape[3]):
                    sampled[channel, y, x, image] = 0
                for i in range(len(taps)):
                    for j in range(len(taps)):
                        row, column = rows[2 * y + i], columns[2 * x + j]
                        if row != OUTSIDE and column != OUTSIDE:
                            weight = taps[i] * taps[j]
                            for image in range(sampled.shape[3]):
                                sampled[channel, y, x, image] += weight * maps[channel, row, column, image]


@compiled
def filter_and_sample_backward(gradient, rows, columns, taps, maps_gradient):
    """The transpose of `filter_and_sample`: add to the gradient of the maps."""
    for channel in range(len(gradient)):
        for y in range(gradient.shape[1]):
            for x in range(gradient.shape[2]):
                for i in range(len(taps)):
                    for j in range(len(taps)):
                        row, column = rows[2 * y + i], columns[2 * x + j]
                        if row != OUTSIDE and column != OUTSIDE:
                            weight = taps[i] * taps[j]
                            for image in range(gradient.shape[3]):
                                maps_gradient[channel, row, column, image] += weight * gradient[channel, y, x, image]


@compiled
def largest_of_four(maps, choice):
    """Which pixel of each 2x2 block is largest, uint8 (c, h / 2, w / 2, n): 0, 1 in its upper row, 2, 3 below."""
    for channel in range(len(choice)):
        for y in range(choice.shape[1]):
            for x in range(choice.shape[2]):
                for image in range(choice.shape[3]):
                    upper, upper_index = maps[channel, 2 * y, 2 * x, image], np.uint8(0)
                    right = maps[channel, 2 * y, 2 * x + 1, image]
                    if right > upper:
                        upper, upper_index = right, np.uint8(1)
                    lower, lower_index = maps[channel, 2 * y + 1, 2 * x, image], np.uint8(2)
                    right = maps[channel, 2 * y + 1, 2 * x + 1, image]
                    if right > lower:
                        lower, lower_index = right, np.uint8(3)
                    choice[channel, y, x, image] = lower_index if lower > upper else upper_index


@compiled
def phase_energies(maps, energies):
    """Sums of squares float64 (4, n) of the four ways to keep every second pixel of the maps (c, h, w, n)."""
    energies[:] = 0
    for channel in range(len(maps)):
        for y in range(maps.shape[1]):
            for x in range(maps.shape[2]):
                phase = 2 * (y % 2) + x % 2
                for image in range(maps.shape[3]):
                    value = np.float64(maps[channel, y, x, image])
                    energies[phase, image] += value * value


@compiled
def take_chosen(maps, choice, taken):
    """The chosen pixel of each 2x2 block of the maps: taken (c, h / 2, w / 2, n); choice uint8, of that shape."""
    for channel in range(len(taken)):
        for y in range(taken.shape[1]):
            for x in range(taken.shape[2]):
                for image in range(taken.shape[3]):
                    chosen = choice[channel, y, x, image]
                    upper_left, upper_right = maps[channel, 2 * y, 2 * x, image], maps[channel, 2 * y, 2 * x + 1, image]
                    lower_left, lower_right = (
                        maps[channel, 2 * y + 1, 2 * x, image],
                        maps[channel, 2 * y + 1, 2 * x + 1, image],
                    )
                    upper = upper_left if chosen == 0 else upper_right
                    lower = lower_left if chosen == 2 else lower_right
                    taken[channel, y, x, image] = upper if chosen < 2 else lower


@compiled
def put_chosen(gradient, choice, maps_gradient):
    """The transpose of `take_chosen`: the gradient where a pixel was chosen, 0 for the other three."""
    for channel in range(len(gradient)):
        for y in range(gradient.shape[1]):
            for i in range(2):
                for x in range(gradient.shape[2]):
                    for j in range(2):
                        for image in range(gradient.shape[3]):
                            is_chosen = choice[channel, y, x, image] == 2 * i + j
                            value = gradient[channel, y, x, image] if is_chosen else gradient.dtype.type(0)
                            maps_gradient[channel, 2 * y + i, 2 * x + j, image] = value


# ----------------------------------------------------------------------------------------------------------------------
# The optimiser


@compiled
def nesterov_step(parameter, velocity, gradient, rate, momentum, weight_decay):
    """One step of gradient descent with Nesterov momentum, in place; all arrays are flat."""
    rate, momentum, weight_decay = (
        parameter.dtype.type(rate),
        parameter.dtype.type(momentum),
        parameter.dtype.type(weight_decay),
    )
    for i in range(len(parameter)):
        slope = gradient[i] + weight_decay * parameter[i]
        velocity[i] = momentum * velocity[i] + slope
        parameter[i] -= rate * (slope + momentum * velocity[i])
