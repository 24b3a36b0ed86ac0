// The layers of the project's networks, each as scripts/invariance/layers/ defines it, for one image at a time.

/**
 * Maps of one image: channel by channel, row by row.
 * @typedef {{channels: number, side: number, values: Float32Array}} Maps
 */

/**
 * Where each position of a padded axis is read from; -1 stands for zero.
 * @param {number} side pixels
 * @param {number} padding pixels on each side
 * @param {boolean} circular whether the axis wraps round; else it is padded with zeros
 * @returns {Int32Array} (side + 2 * padding)
 */
function paddedIndices(side, padding, circular) {
  const indices = new Int32Array(side + 2 * padding).fill(-1);
  for (let place = 0; place < indices.length; place++) {
    const index = place - padding;
    if (circular) indices[place] = modulo(index, side);
    else if (index >= 0 && index < side) indices[place] = index;
  }
  return indices;
}

/**
 * Maps with a border on all sides.
 * @param {Maps} maps
 * @param {number} padding pixels
 * @param {boolean} circular
 * @returns {Maps}
 */
export function padded({ channels, side, values }, padding, circular) {
  if (!padding) return { channels, side, values };
  const indices = paddedIndices(side, padding, circular);
  const wide = indices.length;
  const result = new Float32Array(channels * wide * wide);
  const [from, to] = circular ? [0, wide] : [padding, padding + side];
  for (let channel = 0; channel < channels; channel++) {
    for (let y = from; y < to; y++) {
      const [start, row] = [(channel * wide + y) * wide, (channel * side + indices[y]) * side];
      for (let x = from; x < to; x++) result[start + x] = values[row + indices[x]];
    }
  }
  return { channels, side: wide, values: result };
}

/**
 * @typedef {object} Convolution
 * @property {Float32Array} weight (inputs, kernel, kernel, outputs)
 * @property {Float32Array} bias (outputs)
 * @property {number} kernel pixels
 * @property {number} stride pixels
 * @property {number} padding pixels
 * @property {boolean} circular
 */

/** The two loops that take the time; fast.js replaces them. */
export const loops = { convolve: convolvePadded, linear: multiply };

/**
 * A convolution and the ReLU that follows it.
 * @param {Maps} maps
 * @param {Convolution} layer
 * @returns {Maps}
 */
export function convolve(maps, layer) {
  const wide = padded(maps, layer.padding, layer.circular);
  const side = Math.floor((wide.side - layer.kernel) / layer.stride) + 1;
  return { channels: layer.bias.length, side, values: loops.convolve(wide, layer, side) };
}

/**
 * The same of maps that are padded, to (outputs, side, side). Half of what it reads is 0, adds nothing, and is skipped.
 * @param {Maps} maps
 * @param {Convolution} layer
 * @param {number} side
 * @returns {Float32Array}
 */
function convolvePadded({ channels, side: wide, values }, { weight, bias, kernel, stride }, side) {
  const [outputs, area] = [bias.length, side * side];
  const result = new Float32Array(outputs * area);
  const sums = new Float64Array(outputs); // spares rounding each term
  for (let y = 0, place = 0; y < side; y++) {
    for (let x = 0; x < side; x++, place++) {
      sums.set(bias);
      let next = 0;
      for (let channel = 0; channel < channels; channel++) {
        for (let row = 0; row < kernel; row++) {
          const from = (channel * wide + y * stride + row) * wide + x * stride;
          for (let column = 0; column < kernel; column++, next += outputs) {
            const value = values[from + column];
            if (value === 0) continue;
            for (let output = 0; output < outputs; output++) sums[output] += value * weight[next + output];
          }
        }
      }
      for (let output = 0; output < outputs; output++) {
        if (sums[output] > 0) result[output * area + place] = sums[output];
      }
    }
  }
  return result;
}

/**
 * Weights with the outputs last, as `convolve` reads them.
 * @param {Float32Array} weight (outputs, inputs)
 * @param {number} outputs
 * @returns {Float32Array} (inputs, outputs)
 */
export function outputsLast(weight, outputs) {
  const inputs = weight.length / outputs;
  return weight.map((_, place) => weight[(place % outputs) * inputs + Math.floor(place / outputs)]);
}

/**
 * Negative values become 0, in place.
 * @param {Float32Array} values
 */
export function rectified(values) {
  for (let i = 0; i < values.length; i++) if (values[i] < 0) values[i] = 0;
  return values;
}

/**
 * A separable filter, then every second pixel: blur pooling (Zhang 2019), and average pooling with two equal taps.
 * @param {Maps} maps
 * @param {{taps: number[], padding: number, circular: boolean}} layer
 * @returns {Maps}
 */
export function blurPool(maps, { taps, padding, circular }) {
  const { channels, side: wide, values } = padded(maps, padding, circular);
  const side = Math.floor((wide - taps.length) / 2) + 1;
  const across = new Float32Array(channels * wide * side);
  for (let row = 0, place = 0; row < channels * wide; row++) {
    for (let x = 0; x < side; x++, place++) {
      for (let i = 0; i < taps.length; i++) across[place] += taps[i] * values[row * wide + 2 * x + i];
    }
  }
  const result = new Float32Array(channels * side * side);
  for (let channel = 0, place = 0; channel < channels; channel++) {
    for (let y = 0; y < side; y++) {
      for (let x = 0; x < side; x++, place++) {
        for (let i = 0; i < taps.length; i++) {
          result[place] += taps[i] * across[(channel * wide + 2 * y + i) * side + x];
        }
      }
    }
  }
  return { channels, side, values: result };
}

/**
 * The largest pixel of each 2x2 block.
 * @param {Maps} maps
 * @returns {Maps}
 */
export function maxPool(maps) {
  const four = [0, 1, 2, 3].map((phase) => everySecond(maps, phase));
  const [first, ...others] = four.map(({ values }) => values);
  for (const other of others) {
    for (let i = 0; i < first.length; i++) if (other[i] > first[i]) first[i] = other[i];
  }
  return four[0];
}

/**
 * One of the four ways to keep every second pixel.
 * @param {Maps} maps
 * @param {number} phase 0 and 1 start in the first row, 2 and 3 in the second; 1 and 3 in the second column
 * @returns {Maps}
 */
function everySecond({ channels, side, values }, phase) {
  const half = Math.floor(side / 2);
  const result = new Float32Array(channels * half * half);
  for (let channel = 0, place = 0; channel < channels; channel++) {
    for (let y = 0; y < half; y++) {
      let from = (channel * side + 2 * y + (phase >> 1)) * side + (phase & 1);
      for (let x = 0; x < half; x++, place++, from += 2) result[place] = values[from];
    }
  }
  return { channels, side: half, values: result };
}

/**
 * Adaptive polyphase sampling (Chaman and Dokmanic 2021): of the four ways to keep every second pixel, the one with the
 * largest norm, the first of equals.
 * @param {Maps} maps of even sides
 * @returns {Maps & {phase: number}}
 */
export function polyphase(maps) {
  const four = [0, 1, 2, 3].map((phase) => everySecond(maps, phase));
  const energies = four.map(({ values }) => sumOfSquares(values));
  const phase = energies.indexOf(Math.max(...energies));
  return { ...four[phase], phase };
}

function sumOfSquares(values) {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] * values[i];
  return sum;
}

/**
 * Means over bins of about equal size, as nn.AdaptiveAvgPool2d.
 * @param {Maps} maps
 * @param {number} bins along each axis
 * @returns {Maps}
 */
export function adaptiveAverage({ channels, side, values }, bins) {
  const edges = Array.from({ length: bins }, (_, bin) => [
    Math.floor((bin * side) / bins),
    Math.ceil(((bin + 1) * side) / bins),
  ]);
  const result = [];
  for (let channel = 0; channel < channels; channel++) {
    for (const [top, bottom] of edges) {
      for (const [left, right] of edges) {
        let sum = 0;
        for (let y = top; y < bottom; y++) {
          for (let x = left; x < right; x++) sum += values[(channel * side + y) * side + x];
        }
        result.push(sum / ((bottom - top) * (right - left)));
      }
    }
  }
  return { channels, side: bins, values: Float32Array.from(result) };
}

/**
 * A fully connected layer.
 * @param {Float32Array} features
 * @param {{weight: Float32Array, bias: Float32Array}} layer weight (outputs, inputs)
 * @returns {Float32Array} (outputs)
 */
export function linear(features, layer) {
  return loops.linear(features, layer);
}

function multiply(features, { weight, bias }) {
  const inputs = features.length;
  const result = new Float32Array(bias.length);
  for (let output = 0; output < bias.length; output++) {
    const place = output * inputs;
    let [even, odd] = [bias[output], 0];
    let input = 0;
    for (; input + 1 < inputs; input += 2) {
      even += weight[place + input] * features[input];
      odd += weight[place + input + 1] * features[input + 1];
    }
    if (input < inputs) even += weight[place + input] * features[input];
    result[output] = even + odd;
  }
  return result;
}

/**
 * An image read at pixels displaced by (x, y), bilinearly, background outside.
 * @param {Float32Array} image (side * side)
 * @param {number} side pixels
 * @param {number} x pixels to the right
 * @param {number} y pixels down
 * @returns {Float32Array}
 */
export function translated(image, side, x, y) {
  const [left, top] = [Math.floor(x), Math.floor(y)];
  const [right, bottom] = [x - left, y - top];
  const at = (row, column) => (row >= 0 && row < side && column >= 0 && column < side ? image[row * side + column] : 0);
  return image.map((_, place) => {
    const row = Math.floor(place / side) + top;
    const column = (place % side) + left;
    return (
      (1 - bottom) * ((1 - right) * at(row, column) + right * at(row, column + 1)) +
      bottom * ((1 - right) * at(row + 1, column) + right * at(row + 1, column + 1))
    );
  });
}

/**
 * An image moved by whole pixels; what leaves one edge is lost, or comes back at the other.
 * @param {Float32Array} image (side * side)
 * @param {number} side pixels
 * @param {number} dx pixels to the right
 * @param {number} dy pixels down
 * @param {boolean} circular
 * @returns {Float32Array}
 */
export function shifted(image, side, dx, dy, circular = false) {
  const result = new Float32Array(image.length);
  for (let row = 0; row < side; row++) {
    for (let column = 0; column < side; column++) {
      const value = image[row * side + column];
      if (value === 0) continue;
      const y = circular ? modulo(row + dy, side) : row + dy;
      const x = circular ? modulo(column + dx, side) : column + dx;
      if (y >= 0 && y < side && x >= 0 && x < side) result[y * side + x] = value;
    }
  }
  return result;
}

/** The remainder of a division, never negative. */
export function modulo(value, size) {
  return ((value % size) + size) % size;
}
