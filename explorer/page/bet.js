// The bet that opens the page: how far can the digit move before the plain network errs?

import { among, called, content, grid, images, maxShift, readers, rows, worded } from "./data.js";
import { el, inWords, shown } from "./dom.js";
import { change, state } from "./state.js";

const PLAIN = "architectures/stride_fc/centred";

/** The network that the bet is about, or undefined. */
function plain() {
  return among([PLAIN])[0] ?? readers[0];
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
  const { index, label } = content.digits[number];
  const guesses = [...[...Array(maxShift).keys()].map((place) => `${place + 1} px`), "never"];
  const buttons = guesses.map((guess, place) =>
    el("button", { type: "button", "aria-pressed": "false", click: () => bet(place) }, guess),
  );
  const bet = (chosen) => {
    buttons.forEach((button, place) => button.setAttribute("aria-pressed", String(place === chosen)));
    reveal(chosen, outcome, model, number);
  };
  const outcome = el("div", { class: "outcome", "aria-live": "polite" });
  section.append(
    el("h2", { id: "bet-title" }, "First, a bet"),
    el(
      "p",
      {},
      model.id === PLAIN
        ? worded("A CNN was trained on centred digits. ")
        : `${model.name}; ${worded("training digits")}: ${model.trained}. `,
      `How far can this ${called(label)} (test image ${index}) move, in any direction, before the network errs?`,
    ),
    el(
      "div",
      { class: "guesses", role: "group", "aria-labelledby": "guess" },
      el("p", { id: "guess" }, "It first errs at"),
      el("div", { class: "buttons" }, ...buttons),
    ),
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
        ? ` It first errs at ${size} px: ${size ? inWords(...found.shift) : "where it stands"}. `
        : ` No shift of up to ${maxShift} px makes it err. `,
      soonest(model),
      radius ? ` Its radius of invariance, up to which at least ${content.radiusConsistency}% of all images keep their ` : "",
      radius ? `answer: ${shown(radius.mean)} px, mean over seeds (architectures.csv, line ${radius.line}).` : "",
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
