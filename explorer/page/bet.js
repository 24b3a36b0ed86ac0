// The bet that opens the page: how far can the digit move before the plain network errs?

import { content, find, grid, images, maxShift, models, rows } from "./data.js";
import { choice, el, inWords } from "./dom.js";
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
      `A CNN was trained on centred digits. How far can this ${label} move, in any direction, before the CNN errs?`,
    ),
    choice("It first errs at", [...options, { label: "never" }], -1, (place) => reveal(place, outcome, model, number)),
    outcome,
  );
}

function reveal(guess, outcome, model, number) {
  const found = firstError(model, number);
  const truth = found ? found.size : maxShift + 1;
  const bet = guess + 1;
  const verdict = bet === truth ? "Right." : bet > truth ? "It errs sooner." : "It holds out longer.";
  const errors = content.digits.map((_, each) => firstError(model, each)?.size ?? maxShift + 1).sort((a, b) => a - b);
  const median = errors[Math.floor(errors.length / 2)];
  const radius = rows("architectures", { model: model.model, training: model.training, measure: "radius" })[0];
  const within =
    median > maxShift
      ? "most of the digits here survive every shift"
      : `half of the ${errors.length} digits here are misread within ${median} px`;
  outcome.replaceChildren(
    el(
      "p",
      {},
      el("b", {}, verdict),
      truth === 0
        ? " It is wrong before the digit moves at all."
        : found
          ? ` The CNN first errs on this ${content.digits[number].label} at ${truth} px: ${inWords(...found.shift)}. Over all shifts, ${within}.`
          : ` No shift of up to ${maxShift} px changes this one, but ${within}.`,
      radius
        ? ` Over the test images, its answers stay ${content.radiusConsistency}% consistent within ${radius.mean} px.`
        : "",
    ),
    found && truth > 0
      ? el(
          "button",
          {
            type: "button",
            id: "show-me",
            click: () => change({ view: 1, digit: number, drawn: null, dx: found.shift[0], dy: found.shift[1] }),
          },
          "Show me",
        )
      : "",
  );
}
