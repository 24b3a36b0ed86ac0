// Pictures on canvases, in the colours of the style sheet.

/** @type {Map<string, number[]>} */
const colours = new Map();

/** A colour of the style sheet as [red, green, blue]. */
export function colour(name) {
  if (!colours.has(name)) {
    const text = getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
    colours.set(
      name,
      [1, 3, 5].map((place) => parseInt(text.slice(place, place + 2), 16)),
    );
  }
  return colours.get(name);
}

/** Look the colours up anew, in another scheme. */
export function forgetColours() {
  colours.clear();
}

/**
 * Draw values as pixels, one each.
 * @param {HTMLCanvasElement} target
 * @param {ArrayLike<number>} values from 0 to 1, or -1 to 1 with a colour for negative ones
 * @param {number} side
 * @param {string} low colour of 0
 * @param {string} high colour of 1
 */
export function paint(target, values, side, low = "paper", high = "ink") {
  if (target.width !== side) target.width = target.height = side;
  const context = target.getContext("2d");
  const picture = context.createImageData(side, side);
  const [from, to] = [colour(low), colour(high)];
  for (let place = 0; place < side * side; place++) {
    const share = Math.min(1, Math.max(0, values[place]));
    for (let part = 0; part < 3; part++) {
      picture.data[4 * place + part] = from[part] + (to[part] - from[part]) * share;
    }
    picture.data[4 * place + 3] = 255;
  }
  context.putImageData(picture, 0, 0);
}

/** Draw one channel of maps, the largest value of all of them in full colour. */
export function paintMap(target, { side, values }, channel, largest, high = "ink") {
  const part = values.subarray(channel * side * side, (channel + 1) * side * side);
  paint(
    target,
    Array.from(part, (value) => Math.abs(value) / (largest || 1)),
    side,
    "paper",
    high,
  );
}
