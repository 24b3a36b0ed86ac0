// Reading weights.safetensors: eight bytes with the length of a header, the header as JSON, then the numbers.

/**
 * @typedef {Record<string, {shape: number[], values: Float32Array}>} Tensors
 */

/**
 * The float32 tensors of a .safetensors file.
 * @param {Uint8Array} bytes the whole file
 * @returns {Tensors}
 * @throws {Error} it is not such a file
 */
export function readTensors(bytes) {
  try {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const start = 8 + Number(view.getBigUint64(0, true));
    const header = JSON.parse(Array.from(bytes.subarray(8, start), (byte) => String.fromCharCode(byte)).join(""));
    /** @type {Tensors} */
    const tensors = {};
    for (const [name, { dtype, shape, data_offsets }] of Object.entries(header)) {
      const [from, to] = data_offsets;
      if (dtype !== "F32") continue; // counters of batches
      const size = shape.reduce((product, length) => product * length, 1);
      if (to - from !== 4 * size || start + to > bytes.length) throw new Error(`${name} has ${to - from} bytes`);
      tensors[name] = { shape, values: new Float32Array(bytes.slice(start + from, start + to).buffer) };
    }
    return tensors;
  } catch (error) {
    throw new Error(`not whole weights (${error.message})`);
  }
}

/**
 * The bytes behind a base64 text.
 * @param {string} text
 * @returns {Uint8Array}
 */
export function bytesOf(text) {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}
