// The networks, each family as scripts/invariance/networks/ builds it, from its entry in config.yaml and its weights.

import { adaptiveAverage, blurPool, convolve, linear, maxPool, modulo } from "./layers.js";
import { outputsLast, polyphase, rectified, shifted, translated } from "./layers.js";

/**
 * @typedef {import("./layers.js").Maps} Maps
 * @typedef {import("./weights.js").Tensors} Tensors
 * @typedef {{name: string, stride: number, run: (maps: Maps) => Maps}} Stage a layer, with batch norm and ReLU
 * @typedef {object} Network
 * @property {number} canvas side of the images, pixels
 * @property {Stage[]} stages those that give maps
 * @property {(image: Float32Array) => Float32Array} logits of an image (canvas * canvas), background 0 and ink up to 1
 * @property {(image: Float32Array, dx: number, dy: number) => Float32Array} [logitsOfRoll] of an image rolled by (dx, dy)
 *   pixels; faster than `logits`, because neighbouring rolls share work
 * @property {(image: Float32Array) => number[]} [undone] of a spatial transformer: the shift (x, y) that it undoes
 */

const EPSILON = 1e-5; // nn.BatchNorm2d
const LOCALISATION = "0.localisation"; // of a spatial transformer

const DOWNSAMPLING = {
  max_pool: () => maxPool,
  avg_pool: () => (maps) => blurPool(maps, { taps: [0.5, 0.5], padding: 0, circular: false }),
  blur_pool: (circular) => (maps) => blurPool(maps, { taps: [0.25, 0.5, 0.25], padding: 1, circular }),
  polyphase: () => polyphase,
};

const FAMILIES = { mlp, simard_cnn: simardCnn, trunk, stn, phase_average: phaseAverage };

/**
 * Build a network.
 * @param {Record<string, any>} settings its entry in config.yaml; `of` of a phase average holds an entry
 * @param {number} canvas pixels
 * @param {Tensors} tensors
 * @returns {Network}
 * @throws {Error} there is no such network here, or the weights are another one's
 */
export function buildNetwork(settings, canvas, tensors) {
  if (!Object.hasOwn(FAMILIES, settings.family)) throw new Error(`this page has no networks "${settings.family}"`);
  return FAMILIES[settings.family](settings, canvas, tensors);
}

/** The values of a tensor that must have this many numbers. */
function valuesOf(tensors, name, size) {
  if (!Object.hasOwn(tensors, name) || (size && tensors[name].values.length !== size)) {
    throw new Error(`weights of another network: ${name}`);
  }
  return tensors[name].values;
}

/** A convolution with bias and ReLU. */
function convolution(tensors, name, inputs, outputs, kernel, stride, padding = 0, circular = false) {
  const weight = outputsLast(valuesOf(tensors, `${name}.weight`, outputs * inputs * kernel ** 2), outputs);
  return { weight, bias: valuesOf(tensors, `${name}.bias`, outputs), kernel, stride, padding, circular };
}

/** A convolution into which the batch normalisation that follows is folded. */
function normalised(tensors, name, norm, inputs, outputs, kernel, stride, circular) {
  const [scale, shift, mean, variance] = ["weight", "bias", "running_mean", "running_var"].map((part) =>
    valuesOf(tensors, `${norm}.${part}`, outputs),
  );
  const factors = scale.map((value, channel) => value / Math.sqrt(variance[channel] + EPSILON));
  const fan = inputs * kernel ** 2;
  const raw = valuesOf(tensors, `${name}.weight`, outputs * fan);
  const weight = raw.map((value, place) => value * factors[Math.floor(place / fan)]);
  const bias = shift.map((value, channel) => value - factors[channel] * mean[channel]);
  return { weight: outputsLast(weight, outputs), bias, kernel, stride, padding: Math.floor(kernel / 2), circular };
}

/** Fully connected layers with ReLUs between them. */
function fullyConnected(tensors, names, inputs) {
  const layers = names.map((name) => {
    const bias = valuesOf(tensors, `${name}.bias`);
    const weight = valuesOf(tensors, `${name}.weight`, inputs * bias.length);
    inputs = bias.length;
    return { weight, bias };
  });
  return (features) =>
    layers.reduce((given, layer, number) => linear(number ? rectified(given) : given, layer), features);
}

/** Stages, then a head on the last maps. */
function network(canvas, stages, head) {
  const logits = (image) =>
    head(stages.reduce((given, stage) => stage.run(given), { channels: 1, side: canvas, values: image }));
  return { canvas, stages, logits };
}

/** Maps of every stage of a network for an image. */
export function traced({ canvas, stages }, values) {
  let maps = { channels: 1, side: canvas, values };
  return stages.map((stage) => (maps = stage.run(maps)));
}

/** Simard's two-layer network. */
function mlp(settings, canvas, tensors) {
  const head = fullyConnected(tensors, ["1", "3"], canvas ** 2);
  return network(canvas, [], ({ values }) => head(values));
}

/** Simard's convolutional network, with the defaults of its options. */
function simardCnn(settings, canvas, tensors, prefix = "") {
  const { nonlinearity = "relu", background = 0, placing = "corner" } = settings;
  if (nonlinearity !== "relu" || background || placing !== "corner")
    throw new Error("this page has Simard's network with the defaults of its options alone");
  const maps = [1, 5, 50];
  const stages = [0, 1].map((number) => {
    const layer = convolution(tensors, `${prefix}${number}`, maps[number], maps[number + 1], 5, 2);
    return { name: `convolution ${number + 1}, stride 2`, stride: 2, run: (maps) => convolve(maps, layer) };
  });
  const halved = (side) => Math.floor((side - 5) / 2) + 1;
  const head = fullyConnected(tensors, [`${prefix}3`, `${prefix}5`], 50 * halved(halved(canvas)) ** 2);
  return network(canvas, stages, ({ values }) => head(values));
}

/** One trunk, whose downsampling, padding and head can be changed one at a time. */
function trunk({ channels, downsampling, padding, head }, canvas, tensors) {
  const circular = padding === "circular";
  const strided = downsampling === "stride";
  if (!strided && !Object.hasOwn(DOWNSAMPLING, downsampling))
    throw new Error(`this page has no layer "${downsampling}"`);
  /** @type {Stage[]} */
  const stages = [];
  let [inputs, side] = [1, canvas];
  channels.forEach((outputs, number) => {
    const halves = number < channels.length - 1;
    const stride = halves && strided ? 2 : 1;
    const names = [`${3 * number}`, `${3 * number + 1}`];
    const layer = normalised(tensors, ...names, inputs, outputs, number ? 3 : 5, stride, circular);
    const run = (maps) => convolve(maps, layer);
    stages.push({ name: `convolution ${number + 1}${stride > 1 ? ", stride 2" : ""}`, stride, run });
    if (halves && !strided) {
      stages.push({ name: downsampling.replace("_", " "), stride: 2, run: DOWNSAMPLING[downsampling](circular) });
    }
    if (halves) side = strided || downsampling === "blur_pool" ? Math.ceil(side / 2) : Math.floor(side / 2);
    inputs = outputs;
  });
  if (head === "gap") {
    const classify = fullyConnected(tensors, ["9"], inputs);
    return network(canvas, stages, (maps) => classify(adaptiveAverage(maps, 1).values));
  }
  const classify = fullyConnected(tensors, ["9", "11"], inputs * side ** 2);
  return network(canvas, stages, ({ values }) => classify(values));
}

/** A spatial transformer that may only translate, in front of Simard's network. */
function stn({ max_shift: bound }, canvas, tensors) {
  const layers = [
    convolution(tensors, `${LOCALISATION}.1`, 1, 8, 5, 2, 2),
    convolution(tensors, `${LOCALISATION}.2`, 8, 16, 3, 2, 1),
  ];
  const bins = Math.floor(canvas / 8);
  const locate = fullyConnected(tensors, [`${LOCALISATION}.5`, `${LOCALISATION}.7`], 16 * bins ** 2);
  const classifier = simardCnn({}, canvas, tensors, "1.");
  const undone = (image) => {
    const halved = DOWNSAMPLING.avg_pool()({ channels: 1, side: canvas, values: image });
    const maps = layers.reduce((given, layer) => convolve(given, layer), halved);
    return [...locate(adaptiveAverage(maps, bins).values)].map((value) => bound * Math.tanh(value / 4));
  };
  const logits = (image) => classifier.logits(translated(image, canvas, ...undone(image)));
  return { canvas, stages: [], logits, undone };
}

/** Another network's logits, averaged over its input rolled by every phase of its strides. */
function phaseAverage({ of }, canvas, tensors) {
  const inner = buildNetwork(of, canvas, tensors);
  const stride = inner.stages.reduce((product, stage) => product * stage.stride, 1);
  const phases = Array.from({ length: stride ** 2 }, (_, phase) => [phase % stride, Math.floor(phase / stride)]);
  /** @type {WeakMap<Float32Array, Map<number, Float32Array>>} */
  const known = new WeakMap();
  const ofRoll = (image, dx, dy) => {
    if (!known.has(image)) known.set(image, new Map());
    const rolls = known.get(image);
    const key = modulo(dy, canvas) * canvas + modulo(dx, canvas);
    if (!rolls.has(key)) rolls.set(key, inner.logits(shifted(image, canvas, dx, dy, true)));
    return rolls.get(key);
  };
  const logitsOfRoll = (image, dx, dy) => {
    const each = phases.map(([right, down]) => ofRoll(image, dx + right, dy + down));
    return each[0].map((_, output) => each.reduce((sum, logits) => sum + logits[output], 0) / each.length);
  };
  return { canvas, stages: inner.stages, logits: (image) => logitsOfRoll(image, 0, 0), logitsOfRoll };
}

/** The index of the largest value, the first of equals. */
export function argmax(values) {
  return values.indexOf(values.reduce((largest, value) => Math.max(largest, value), -Infinity));
}

/** Shares that add up to 1. */
export function softmax(logits) {
  const largest = Math.max(...logits);
  const powers = Array.from(logits, (logit) => Math.exp(logit - largest));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}

/**
 * Maps rolled by whole pixels, as T' in f(T x) = T' f(x).
 * @param {Maps} maps
 * @param {number} dx pixels to the right
 * @param {number} dy pixels down
 * @returns {Maps}
 */
export function rolled({ channels, side, values }, dx, dy) {
  const result = new Float32Array(values.length);
  for (let channel = 0; channel < channels; channel++) {
    const start = channel * side * side;
    const [down, right] = [modulo(dy, side), modulo(dx, side)];
    for (let y = 0; y < side; y++) {
      const row = start + ((y - down + side) % side) * side;
      for (let x = 0; x < side; x++) result[start + y * side + x] = values[row + ((x - right + side) % side)];
    }
  }
  return { channels, side, values: result };
}
