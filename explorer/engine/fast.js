// The loops of layers.js by WebAssembly, where the browser has it.

import { loops } from "./layers.js";

const PAGE = 65536; // bytes
const GROUP = 8; // of loops.c

/**
 * Have all networks compute by WebAssembly from now on.
 * @param {Uint8Array} bytes loops.wasm
 * @throws {Error} there is no WebAssembly with vectors here; then everything stays as it was
 */
export function accelerate(bytes) {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes));
  const { memory } = exports;
  let free = memory.buffer.byteLength;
  /** @type {WeakMap<Float32Array, number>} */
  const kept = new WeakMap();
  const scratch = [0, 0].map(() => ({ place: 0, size: 0 }));

  /** The address of memory for so many numbers. */
  const reserve = (size) => {
    const place = free;
    free += Math.ceil((4 * size) / 16) * 16;
    const lacking = free - memory.buffer.byteLength;
    if (lacking > 0) memory.grow(Math.ceil(lacking / PAGE));
    return place;
  };
  const view = (place, size) => new Float32Array(memory.buffer, place, size);
  /** The address of numbers that stay: weights. */
  const keep = (values, arrange = (same) => same) => {
    if (!kept.has(values)) {
      const arranged = arrange(values);
      const place = reserve(arranged.length);
      view(place, arranged.length).set(arranged);
      kept.set(values, place);
    }
    return kept.get(values);
  };
  /** The address of memory that each call uses anew. */
  const borrow = (number, size) => {
    if (scratch[number].size < size) scratch[number] = { place: reserve(size), size };
    return scratch[number].place;
  };
  const given = (values) => {
    const place = borrow(0, values.length);
    view(place, values.length).set(values);
    return place;
  };

  loops.convolve = ({ channels, side: wide, values }, { weight, bias, kernel, stride }, side) => {
    const outputs = bias.length;
    const weights = keep(weight, (all) => filledUp(all, outputs));
    const biases = keep(bias, (all) => filledUp(all, outputs));
    const size = outputs * side * side;
    const [maps, result] = [given(values), borrow(1, size)];
    exports.convolve(maps, weights, biases, result, channels, wide, kernel, stride, side, outputs);
    return view(result, size).slice();
  };
  loops.linear = (features, { weight, bias }) => {
    const [weights, biases] = [keep(weight), keep(bias)];
    const [from, result] = [given(features), borrow(1, bias.length)];
    exports.linear(from, weights, biases, result, features.length, bias.length);
    return view(result, bias.length).slice();
  };
}

/** Rows with zeros behind, so that their length is a multiple of GROUP. */
function filledUp(rows, length) {
  const longer = Math.ceil(length / GROUP) * GROUP;
  const result = new Float32Array((rows.length / length) * longer);
  for (let row = 0; row * length < rows.length; row++) {
    result.set(rows.subarray(row * length, (row + 1) * length), row * longer);
  }
  return result;
}
