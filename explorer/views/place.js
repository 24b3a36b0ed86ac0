// 8. Where am I? With padding, a network with global pooling can predict where the digit is.

import { argmax, softmax } from "../engine/networks.js";
import { models, rows } from "../page/data.js";
import { el, shown, withInterval } from "../page/dom.js";
import { claimBox, fileOf, filesOf, missing, origins } from "../page/parts.js";
import { change, image, state } from "../page/state.js";

/** A place in words. */
function corner([dx, dy]) {
  return (
    [dy < 0 ? "upper" : dy > 0 ? "lower" : "", dx < 0 ? "left" : dx > 0 ? "right" : ""].join(" ").trim() || "middle"
  );
}

export const placeView = {
  name: "Place",
  title: "Does it know where the digit is?",
  lead:
    "These networks average their maps over the whole canvas, so they should not know where the digit is. They were " +
    "trained to predict it all the same. Does padding give the position away? Compare zero with circular padding.",
  build(section) {
    const told = models.filter((model) => model.positions && model.network);
    if (!told.length) return missing(section, "networks that predict positions and that this page can run");
    const { positions } = told[0];
    const buttons = positions.map(([dx, dy]) =>
      el("button", { type: "button", click: () => change({ dx, dy }) }, `Put it ${corner([dx, dy])}`),
    );
    const cards = told.map((model) => placeCard(model, model.positions));
    section.append(
      el("div", { class: "buttons" }, ...buttons),
      el("div", { class: "cards" }, ...cards.map((one) => one.element)),
      claimBox("C10"),
    );
    section.append(
      origins({
        files: [...fileOf("two_positions", "accuracy over the test images"), ...told.flatMap(filesOf)],
        claims: ["C10"],
      }),
    );
    return () => {
      cards.forEach((one) => one.update());
      return `The networks say: ${cards.map((one) => one.element.querySelector(".answer").textContent).join(", ")}.`;
    };
  },
};

function placeCard(model, positions) {
  const said = el("p", { class: "answer words" });
  const bars = positions.map((position) => el("span", { class: "share" }, el("b", {}, corner(position)), el("i")));
  const measured = rows("two_positions", { model: model.model, measure: "accuracy" })[0];
  const padding = model.settings.padding === "circular" ? "circular padding" : "zero padding";
  const element = el(
    "article",
    { class: "card place", "data-model": model.id, "aria-label": padding },
    el("div", { class: "about" }, el("h3", {}, padding), el("p", {}, model.name)),
    said,
    el("div", { class: "shares" }, ...bars),
    el("p", { class: "reading" }, measured ? `correct for ${withInterval(measured)}% of the test images` : ""),
  );
  const update = () => {
    const logits = model.logits(image(), state.dx, state.dy).slice(0, positions.length);
    const shares = softmax(logits);
    said.textContent = corner(positions[argmax(shares)]);
    bars.forEach((bar, place) => {
      bar.style.setProperty("--share", shares[place].toFixed(3));
      bar.lastChild.textContent = `${shown(100 * shares[place], 2)}%`;
    });
  };
  return { element, update };
}
