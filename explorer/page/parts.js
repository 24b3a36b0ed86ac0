// Parts that the views share: cards of networks, maps over the grid, claims, and where a number comes from.

import { argmax, softmax } from "../engine/networks.js";
import { called, claim, content, grid, images, maxShift, placeOf, reach, sweep, worded } from "./data.js";
import { el, inWords, say, shown, withInterval } from "./dom.js";
import { colour, paint } from "./picture.js";
import { change, image, isRolling, state } from "./state.js";

const ABOUT = {
  stride_fc: "the plain CNN",
  max_pool_fc: "max pooling instead of strides",
  avg_pool_fc: "average pooling instead of strides",
  blur_pool_fc: "a blur before each stride",
  stride_gap: "global average pooling instead of flattened maps",
  stride_gap_circular: "global average pooling, circular padding",
  phase_averaged: "averaged over all phases of its strides",
  polyphase_gap_circular: "chooses which pixels to keep",
  stn: "a spatial transformer moves the digit first",
};
const SYMBOLS = { supported: "✓", refuted: "✗", undecided: "?" };

/** What a network is, in a few words. */
export function about(model) {
  const known = Object.hasOwn(ABOUT, model.model) ? `${ABOUT[model.model]}; ` : "";
  return worded(`${known}training digits: `) + model.trained;
}

/** What the present image really is; null for one that was drawn. */
export function truth() {
  return state.drawn ? null : content.digits[state.digit].label;
}

/**
 * A card that shows what a network answers. Its `update` brings it up to date, and says whether the network changed its
 * mind and whether it is right.
 */
export function card(model) {
  const kind = content.classNames.length ? "card named" : "card";
  const answer = el("p", { class: "answer" });
  const mind = el("p", { class: "change" });
  const bars = Array.from({ length: content.classes }, (_, digit) =>
    el("span", { "data-digit": digit, title: called(digit) }, el("i")),
  );
  const chart = el("div", { class: "bars", role: "img" }, ...bars);
  const element = el(
    "article",
    { class: kind, "data-model": model.id, "aria-label": `${model.name}, ${model.trained}` },
    el("div", { class: "says" }, answer, mind),
    el("div", { class: "about" }, el("h3", {}, model.name), el("p", {}, about(model)), chart),
  );
  const update = () => {
    const [base, circular] = [image(), isRolling()];
    const logits = model.logits(base, state.dx, state.dy, circular);
    const before = model.answer(base, 0, 0, circular);
    const now = model.answer(base, state.dx, state.dy, circular);
    const [known, right] = [now !== null, now === truth()];
    const changed = known && now !== before;
    say(answer, called(now));
    element.classList.toggle("changed", changed);
    element.classList.toggle("wrong", known && truth() !== null && !right);
    const opinion = changed ? `≠ was ${called(before)}` : truth() === null || right ? "= same" : "= same, but wrong";
    const why = `this page cannot run the network: ${model.error}`;
    const recorded = known
      ? `${opinion}; as recorded by the pipeline, because ${why}`
      : `not recorded by the pipeline, and ${why}`;
    say(mind, logits ? opinion : recorded);
    chart.hidden = !logits;
    if (logits) {
      const shares = softmax(logits);
      bars.forEach((bar, digit) => {
        bar.firstChild.style.setProperty("--share", shares[digit].toFixed(3));
        bar.classList.toggle("first", digit === now);
      });
      const best = argmax(logits);
      chart.setAttribute("aria-label", `${called(best)}, softmax probability ${Math.round(100 * shares[best])}%`);
    }
    return { changed, right };
  };
  return { element, update };
}

/** What the update of a network's card found, for who does not see it. */
export function inShort(name, { changed }) {
  return `${name} ${changed ? "changed its mind" : "says the same"}.`;
}

/**
 * A map over all shifts: the measured accuracy, or what the network answers for this digit, with the present shift
 * marked. A click moves the digit there.
 */
export function shiftMap(model, own) {
  const picture = el("canvas", { width: reach, height: reach, "aria-hidden": "true" });
  const mark = el("i", { class: "mark" });
  const map = el("div", { class: "map", role: "img" }, picture, mark);
  const text = el("p", { class: "reading" });
  const agreement = el("p", { class: "agreement" });
  const element = el("div", { class: "mapped" }, map, text, agreement);
  let [drawn, answers] = [null, null];
  map.addEventListener("click", (event) => {
    const box = map.getBoundingClientRect();
    const at = (place, from, size) => Math.floor(((place - from) / size) * reach) - maxShift;
    change({ dx: at(event.clientX, box.left, box.width), dy: at(event.clientY, box.top, box.height) });
  });
  const update = async () => {
    const base = image();
    mark.style.setProperty("--x", state.dx + maxShift);
    mark.style.setProperty("--y", state.dy + maxShift);
    mark.style.setProperty("--n", reach);
    if (own()) {
      if (drawn !== base) {
        drawn = base;
        agreement.textContent = "computing…";
        answers = await sweep(model, base, () => drawn === base && element.isConnected);
        if (!answers) return;
      }
      if (answers) showOwn(model, { picture, map, text, agreement }, answers, base);
    } else {
      drawn = answers = null;
      showMeasured(model, { picture, map, text, agreement });
    }
  };
  return { element, update };
}

function showMeasured(model, { picture, map, text, agreement }) {
  const { right, images: tested, path } = model.measured;
  paint(
    picture,
    right.map((count) => count / tested),
    reach,
    "low",
    "high",
  );
  const place = placeOf(state.dx, state.dy) ?? placeOf(0, 0);
  const here = shown((100 * right[place]) / tested);
  text.textContent = `correct for ${here}% of ${tested} test images at this shift (line ${place + 2})`;
  map.setAttribute("aria-label", `Accuracy at every shift; ${here}% at ${inWords(state.dx, state.dy)}`);
  agreement.textContent = "";
  text.title = path;
}

function showOwn(model, { picture, map, text, agreement }, answers, base) {
  const side = 24;
  const number = images.indexOf(base);
  const wanted = number < 0 ? model.answer(base, 0, 0) : content.digits[number].label;
  picture.width = picture.height = side * reach;
  const context = picture.getContext("2d");
  const css = (name) => `rgb(${colour(name).join(" ")})`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.font = `${0.7 * side}px system-ui, sans-serif`;
  answers.forEach((answer, place) => {
    const [x, y] = [(place % reach) * side, Math.floor(place / reach) * side];
    const right = answer !== null && answer === wanted;
    context.fillStyle = css(right ? "high" : "low");
    context.fillRect(x, y, side, side);
    context.fillStyle = css(right ? "low" : "changed");
    context.fillText(String(answer ?? "–"), x + side / 2, y + side / 2 + 1);
  });
  const right = answers.filter((answer) => answer === wanted).length;
  const inMap = content.classNames.length && wanted !== null ? ` (${wanted})` : "";
  text.textContent = wanted === null ? "" : `${right} of ${grid.length} shifts give ${called(wanted)}${inMap}`;
  map.setAttribute(
    "aria-label",
    `${worded("What this network answers for this digit at every shift")}: ${text.textContent}`,
  );
  const agreeing = grid.filter(([dx, dy], place) => model.recorded(number, dx, dy) === answers[place]).length;
  const unable = "this page cannot run the network";
  if (model.network)
    agreement.textContent = number < 0 ? "" : `agrees with the pipeline at ${agreeing} of ${grid.length} shifts`;
  else agreement.textContent = number < 0 ? unable : `as recorded by the pipeline: ${unable}`;
  agreement.classList.toggle("differs", number >= 0 && agreeing < grid.length);
}

/** A claim with its verdict and number; says so if this run could not judge it. */
export function claimBox(id) {
  const found = claim(id);
  if (!found) return el("p", { class: "claim missing" }, `${id} was not judged: this run did not train what it needs.`);
  return el(
    "p",
    { class: "claim", "data-claim": id },
    el("b", { class: `verdict ${found.verdict}` }, `${SYMBOLS[found.verdict] ?? ""} ${found.verdict}`),
    ` ${id} ${found.statement} `,
    el("span", { class: "number", "data-value": found.number }, withInterval({ ...found, mean: found.number })),
    ` ${found.unit}`,
  );
}

/** Where what a view shows comes from: files with their hashes, and the claims' tables. */
export function origins({ files = [], claims = [] }) {
  const read = claims.map(claim).filter(Boolean);
  const listed = [
    ...files,
    ...read.flatMap((one) =>
      one.read_from.map(({ path, sha256, columns }) => ({ path, sha256, what: `${one.id}: ${columns.join(", ")}` })),
    ),
  ];
  return el(
    "details",
    { class: "origins" },
    el("summary", {}, "Where does this come from?"),
    el(
      "ul",
      {},
      ...listed.map(({ path, sha256, what }) =>
        el(
          "li",
          {},
          el("code", {}, path),
          what ? ` ${what}` : "",
          " ",
          el("code", { class: "hash", title: sha256 }, `SHA-256 ${sha256.slice(0, 12)}…`),
        ),
      ),
      ...read.map((one) =>
        el(
          "li",
          {},
          `${one.id} is ${one.rule} (threshold ${shown(one.threshold)}); the verdict is in `,
          el("code", {}, `results/${content.dataset}/claims.json`),
        ),
      ),
    ),
  );
}

/** Where a model's answers and measures come from. */
export function filesOf(model) {
  const files = [{ ...model.weights, what: `weights of ${model.name}, ${model.trained}, seed ${model.seed}` }];
  if (model.measured) files.push({ ...model.measured, what: "accuracy, one line per shift" });
  if (model.predicted) files.push({ ...model.predicted, what: "the pipeline's predictions" });
  return files;
}

/** A table of the run as a source. */
export function fileOf(table, what) {
  const found = content.tables[table];
  return found ? [{ path: found.path, sha256: found.sha256, what }] : [];
}

/** Say in a view that this run lacks what it shows; returns its update, which has nothing to do. */
export function missing(section, what) {
  const text = `This run has no ${worded(what)}, so there is nothing to show here.`;
  section.append(el("p", { class: "claim missing" }, text));
  return () => "";
}
