// The bet that opens the page: how far can the digit move before the plain network errs?

import { called, content, find, grid, images, maxShift, models, rows, worded } from "./data.js";
import { choice, el, inWords, shown } from "./dom.js";
import { change, state } from "./state.js";

/** The network that the bet is about, or undefined. */
function plain() {
  return find("architectures", "stride_fc", "centred") ?? models.find((model) => model.predicted);
}

/** The smallest shift at which the pipeline saw the network err on a test image; null if it never did. */
function firstError(model, number) {
  const wrong = grid.filter(([dx, dy]) => model.recorded(number, dx, dy) !== content.digits[number].label);
  const size = ([dx, dy]) => Math.max(Math.abs(dx), Math.abs(dy));
  const nearest = wrong.sort((one, other) => size(one) - size(other) || Math.hypot(...one) - Math.hypot(...other));
  return nearest.length ? { shift: nearest[0], size: size(nearest[0]) } : null;
}

/** Fill the section; it stays about the digit that it opened with. */
export function buildBet(section) {
  const model = plain();
  if (!model || !images.length) {
    section.hidden = true;
    return;
  }
  const number = state.digit;
  const { label } = content.digits[number];
  const options = [...Array(maxShift).keys()].map((place) => ({ label: `${place + 1} px` }));
  const outcome = el("div", { class: "outcome", "aria-live": "polite" });
  section.append(
    el("h2", { id: "bet-title" }, "First, a bet"),
    el(
      "p",
      {},
      worded("A CNN was trained on centred digits. "),
      `How far can this ${called(label)} move, in any direction, before the CNN errs?`,
    ),
    choice("It first errs at", [...options, { label: "never" }], -1, (place) => reveal(place, outcome, model, number)),
    outcome,
  );
}

function reveal(guess, outcome, model, number) {
  const found = firstError(model, number);
  const size = found?.size ?? maxShift + 1;
  const verdict = guess + 1 === size ? "Right." : guess + 1 > size ? "It errs sooner." : "It holds out longer.";
  const radius = rows("architectures", { model: model.model, training: model.training, measure: "radius" })[0];
  outcome.replaceChildren(
    el(
      "p",
      {},
      el("b", {}, verdict),
      found
        ? ` The CNN first errs at ${size} px: ${inWords(...found.shift)}. `
        : ` No shift of up to ${maxShift} px changes its answer. `,
      soonest(model),
      radius ? ` Over the test images, its answers stay ${content.radiusConsistency}% consistent up to shifts of ` : "",
      radius ? `${shown(radius.mean)} px (architectures.csv, line ${radius.line}).` : "",
    ),
    found
      ? el("button", { type: "button", id: "show-me", click: () => showError(number, found.shift) }, "Show me")
      : "",
  );
}

/** How soon half of the test images here are misread. */
function soonest(model) {
  const sizes = content.digits.map((_, number) => firstError(model, number)?.size ?? maxShift + 1);
  const median = sizes.sort((one, other) => one - other)[Math.floor(sizes.length / 2)];
  if (median > maxShift) return worded("Most of the digits here survive every shift.");
  return worded(`Half of the ${sizes.length} digits here are misread after a shift of ${median} px or less.`);
}

function showError(digit, [dx, dy]) {
  change({ view: 1, digit, drawn: null, dx, dy });
  document.getElementById("stage").scrollIntoView({ block: "start" });
}
