// What the page shows at the moment; all of it but a drawing is in the address, so every view has a link.

import { canvas, content, images, maxShift, opening } from "./data.js";

/** Lowest and highest value of each part of the address, all whole numbers. */
const LIMITS = {
  view: [1, 9],
  digit: [0, Math.max(0, images.length - 1)],
  dx: [-canvas, canvas],
  dy: [-canvas, canvas],
  own: [0, 1],
  network: [0, Math.max(0, content.networks.length - 1)],
  layer: [0, 9],
  down: [0, 3],
  head: [0, 1],
  range: [0, 9],
};
const QUIET = 200; // milliseconds without a change before the address follows: browsers allow it only so often
const ROLLING = 5; // the view in which the digit rolls round the edge

export const state = {
  ...{ view: 1, digit: opening, dx: 0, dy: 0, own: 0, network: 0, layer: 0, down: 0, head: 0, range: 0 },
  /** @type {Float32Array | null} */
  drawn: null,
};
const start = { ...state };
const listeners = [];

/** Have a function called, once a frame, after a change. */
export function onChange(listener) {
  listeners.push(listener);
}

/** Whether the digit rolls round the edge. */
export function isRolling() {
  return state.view === ROLLING;
}

/** The largest shift of the present view, pixels. */
export function limit() {
  return isRolling() ? Math.floor(canvas / 2) : maxShift;
}

/** The image that is moved. */
export function image() {
  return state.drawn ?? images[state.digit];
}

let waiting = false;
let writing = 0;

/** Change some of the state. */
export function change(parts) {
  Object.assign(state, parts);
  tidy();
  clearTimeout(writing);
  writing = setTimeout(() => history.replaceState(null, "", `#${written()}`), QUIET);
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    listeners.forEach((listener) => listener());
  });
}

/** Read the address; what is no number or out of range is put right. */
export function readAddress() {
  const given = new URLSearchParams(location.hash.slice(1));
  const parts = { ...start };
  for (const name of Object.keys(LIMITS)) {
    if (/^-?\d{1,4}$/.test(given.get(name) ?? "")) parts[name] = Number(given.get(name));
  }
  change(parts);
}

function tidy() {
  for (const [name, [lowest, highest]] of Object.entries(LIMITS)) {
    state[name] = Math.min(highest, Math.max(lowest, state[name]));
  }
  state.dx = Math.min(limit(), Math.max(-limit(), state.dx));
  state.dy = Math.min(limit(), Math.max(-limit(), state.dy));
}

function written() {
  const parts = Object.keys(LIMITS).filter(
    (name) => name === "view" || name === "digit" || state[name] !== start[name],
  );
  return parts.map((name) => `${name}=${state[name]}`).join("&");
}
