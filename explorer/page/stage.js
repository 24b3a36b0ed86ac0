// The stage: the digit, and every way to move it, choose it or draw one.

import { shifted } from "../engine/layers.js";
import { called, canvas, content, imageSide, images, margin, worded } from "./data.js";
import { el, inWords, scrollAcross } from "./dom.js";
import { paint } from "./picture.js";
import { change, image, isRolling, limit, state } from "./state.js";

const KEYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const PACE = 400; // milliseconds between the steps of a walk
const BRUSH = 1.3; // pixels

let drawing = false;
let walk = 0;

/** Fill the stage; returns what brings it up to date. */
export function buildStage(stage) {
  const picture = el("canvas", { "aria-hidden": "true" });
  const frame = el("i", { class: "frame", title: worded("where the training digits stood") });
  const paper = el(
    "div",
    {
      class: "paper",
      id: "paper",
      tabindex: 0,
      role: "application",
      "aria-label": worded("The digit. Arrow keys move it, Home puts it back."),
      keydown: onKey,
    },
    picture,
    frame,
  );
  frame.style.setProperty("--start", margin / canvas);
  frame.style.setProperty("--size", imageSide / canvas);
  dragging(paper);
  const where = el("p", { class: "where" });
  const sliders = [
    ["dx", "right"],
    ["dy", "down"],
  ].map(([name, label]) => {
    const input = el("input", {
      type: "range",
      id: name,
      step: 1,
      input: () => change({ [name]: Number(input.value) }),
    });
    return { name, input, element: el("label", {}, el("span", {}, label), input) };
  });
  const walking = el(
    "button",
    { type: "button", id: "walk", "aria-pressed": "false", click: () => toggleWalk(walking) },
    "Random walk",
  );
  const draw = el(
    "button",
    { type: "button", id: "draw", "aria-pressed": "false", click: () => toggleDrawing(draw, paper) },
    "Draw your own",
  );
  const back = el("button", { type: "button", id: "back", click: () => change({ dx: 0, dy: 0 }) }, "Put back");
  const thumbs = images.map((one, number) => thumb(one, number));
  const library = el("div", { class: "thumbs", role: "group", "aria-label": worded("Choose a test digit") }, ...thumbs);
  stage.append(
    paper,
    el(
      "div",
      { class: "controls" },
      where,
      el("div", { class: "sliders" }, ...sliders.map((slider) => slider.element)),
      el("div", { class: "buttons" }, back, walking, draw),
      library,
    ),
  );
  let marked;
  return () => {
    if (drawing && !state.drawn) toggleDrawing(draw, paper); // another digit was chosen
    paint(picture, shifted(image(), canvas, state.dx, state.dy, isRolling()), canvas);
    where.textContent = `${isRolling() ? "rolled" : "moved"}: ${inWords(state.dx, state.dy)}`;
    for (const { name, input } of sliders) {
      [input.min, input.max, input.value] = [-limit(), limit(), state[name]];
    }
    const pressed = state.drawn ? -1 : state.digit;
    if (marked === pressed) return;
    marked = pressed;
    thumbs.forEach((one, number) => one.setAttribute("aria-pressed", String(number === pressed)));
    if (pressed >= 0) scrollAcross(thumbs[pressed]);
  };
}

function thumb(one, number) {
  const { index, label } = content.digits[number];
  const small = el("canvas", { "aria-hidden": "true" });
  const inner = new Float32Array(imageSide ** 2);
  inner.forEach((_, place) => {
    inner[place] = one[(Math.floor(place / imageSide) + margin) * canvas + (place % imageSide) + margin];
  });
  paint(small, inner, imageSide);
  small.repaint = () => paint(small, inner, imageSide);
  const name = `test image ${index}: ${called(label)}`;
  return el(
    "button",
    {
      type: "button",
      class: "thumb",
      title: name,
      "aria-label": name,
      "aria-pressed": "false",
      click: () => change({ digit: number, drawn: null }),
    },
    small,
  );
}

/** Paint the thumbnails again, in other colours. */
export function repaintThumbs() {
  document.querySelectorAll(".thumb canvas").forEach((small) => small.repaint());
}

function onKey(event) {
  if (event.altKey || event.ctrlKey || event.metaKey) return; // the browser's
  if (event.key === "Home") change({ dx: 0, dy: 0 });
  else if (Object.hasOwn(KEYS, event.key)) move(...KEYS[event.key]);
  else return;
  event.preventDefault();
}

function move(dx, dy) {
  change({ dx: state.dx + dx, dy: state.dy + dy });
}

/** Pointers, of any kind, drag the digit or draw one. */
function dragging(paper) {
  let from = null;
  const pixels = (event) => {
    const box = paper.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width) * canvas, ((event.clientY - box.top) / box.height) * canvas];
  };
  paper.addEventListener("pointerdown", (event) => {
    if (event.button || from) return;
    paper.setPointerCapture(event.pointerId);
    const [x, y] = pixels(event);
    from = { pointer: event.pointerId, x: x - state.dx, y: y - state.dy };
    if (drawing) ink(x, y);
  });
  paper.addEventListener("pointermove", (event) => {
    if (event.pointerId !== from?.pointer) return;
    const [x, y] = pixels(event);
    if (drawing) [...(event.getCoalescedEvents?.() ?? []), event].forEach((one) => ink(...pixels(one)));
    else change({ dx: Math.round(x - from.x), dy: Math.round(y - from.y) });
  });
  for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) {
    paper.addEventListener(end, (event) => {
      if (event.pointerId === from?.pointer) from = null;
    });
  }
}

/** Ink around a point; only where a test image has pixels, so that no shift loses any. The drawing is not centred. */
function ink(x, y) {
  const drawn = Float32Array.from(state.drawn ?? new Float32Array(canvas ** 2));
  for (let row = margin; row < margin + imageSide; row++) {
    for (let column = margin; column < margin + imageSide; column++) {
      const distance = Math.hypot(column + 0.5 - x, row + 0.5 - y);
      const place = row * canvas + column;
      drawn[place] = Math.max(drawn[place], Math.min(1, Math.max(0, BRUSH + 0.5 - distance)));
    }
  }
  change({ drawn, dx: 0, dy: 0 });
}

function toggleDrawing(button, paper) {
  drawing = !drawing;
  button.setAttribute("aria-pressed", String(drawing));
  button.textContent = drawing ? "Done: now drag it" : "Draw your own";
  paper.classList.toggle("drawing", drawing);
  if (drawing) change({ drawn: new Float32Array(canvas ** 2), dx: 0, dy: 0 });
  else if (state.drawn && !state.drawn.some(Boolean)) change({ drawn: null });
}

/** A walk in steps of one pixel; a single step if motion is not wanted. */
function toggleWalk(button) {
  const step = () => {
    const [dx, dy] = Object.values(KEYS)[Math.floor(4 * Math.random())];
    move(dx, dy);
  };
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) {
    step();
    return;
  }
  clearInterval(walk);
  walk = walk ? 0 : setInterval(step, PACE);
  button.setAttribute("aria-pressed", String(Boolean(walk)));
  button.textContent = walk ? "Stop" : "Random walk";
}
