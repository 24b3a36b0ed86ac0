// A small line chart as SVG; lines differ in dashes and marks as well as in colour.

import { shown, svg } from "./dom.js";

const [WIDTH, HEIGHT] = [520, 236];
const SPACE = { left: 44, right: 164, top: 28, bottom: 36 };
const APART = 17; // pixels between two labels

/**
 * @typedef {{name: string, points: number[][], emphasised?: boolean}} Series points (x, y, low?, high?)
 * @param {{label: string, series: Series[], x: string, y: string, from?: number, to?: number}} chart
 * @returns {SVGElement}
 */
export function lineChart({ label, series, x, y, from, to }) {
  const all = series.flatMap((one) => one.points);
  const [left, right] = [Math.min(...all.map((point) => point[0])), Math.max(...all.map((point) => point[0]))];
  const [low, high] = [
    from ?? Math.min(...all.map((point) => point[1])),
    to ?? Math.max(...all.map((point) => point[1]), 1),
  ];
  const across = (value) => SPACE.left + ((value - left) / (right - left || 1)) * (WIDTH - SPACE.left - SPACE.right);
  const up = (value) =>
    HEIGHT - SPACE.bottom - ((value - low) / (high - low || 1)) * (HEIGHT - SPACE.top - SPACE.bottom);
  const ticks = [low, (low + high) / 2, high];
  const places = labelPlaces(series.map((one) => up(one.points.at(-1)[1])));
  return svg(
    "svg",
    { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "chart", role: "img", "aria-label": label },
    ...ticks.map((value) =>
      svg(
        "g",
        {},
        svg("line", { x1: SPACE.left, x2: WIDTH - SPACE.right, y1: up(value), y2: up(value), class: "rule" }),
        svg("text", { x: SPACE.left - 8, y: up(value) + 4, "text-anchor": "end" }, shown(value)),
      ),
    ),
    ...[...new Set(all.map((point) => point[0]))].map((value) =>
      svg("text", { x: across(value), y: HEIGHT - SPACE.bottom + 16, "text-anchor": "middle" }, shown(value)),
    ),
    svg(
      "text",
      { x: (SPACE.left + WIDTH - SPACE.right) / 2, y: HEIGHT - 4, "text-anchor": "middle", class: "axis" },
      x,
    ),
    svg("text", { x: 0, y: 10, class: "axis" }, y),
    ...series.map((one, number) => line(one, number, across, up, places[number], low, high)),
  );
}

function line({ name, points, emphasised }, number, across, up, labelled, low, high) {
  const clipped = (value) => up(Math.min(high, Math.max(low, value)));
  const path = points.map(([x, y], place) => `${place ? "L" : "M"}${across(x)} ${up(y)}`).join("");
  const [x] = points.at(-1);
  return svg(
    "g",
    { class: emphasised ? "series emphasised" : `series dashes-${number % 5}` },
    ...points
      .filter((point) => point[2] !== null && point[2] !== undefined)
      .map(([at, , from, to]) => svg("line", { x1: across(at), x2: across(at), y1: clipped(from), y2: clipped(to) })),
    svg("path", { d: path }),
    ...points.map(([at, value]) => svg("circle", { cx: across(at), cy: up(value), r: emphasised ? 4 : 3 })),
    svg("text", { x: across(x) + 10, y: labelled + 4 }, name),
  );
}

/** Heights of the labels: as near to the ends of their lines as they fit without touching. */
function labelPlaces(ends) {
  const order = ends.map((_, number) => number).sort((one, other) => ends[one] - ends[other]);
  const places = [...ends];
  order.forEach((number, place) => {
    if (place) places[number] = Math.max(places[number], places[order[place - 1]] + APART);
  });
  const over = Math.max(0, Math.max(...places) - (HEIGHT - SPACE.bottom));
  return places.map((place) => place - over);
}
