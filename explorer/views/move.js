// 1. Move the digit: a card a network.

import { among, readers } from "../page/data.js";
import { el } from "../page/dom.js";
import { card, claimBox, filesOf, missing, origins, truth } from "../page/parts.js";

const SHOWN = [
  "architectures/stride_fc/centred",
  "architectures/max_pool_fc/centred",
  "architectures/blur_pool_fc/centred",
  "architectures/stn/centred",
  "architectures/stride_gap/centred",
  "architectures/polyphase_gap_circular/centred",
  "architectures/phase_averaged/centred",
  "architectures/stride_fc/translated",
];

/** The networks of the first two views: those named, and others where these are few; equal ones once. */
export function shownModels() {
  const all = [...among(SHOWN), ...readers];
  const first = (model) => all.find((other) => other.predicted.path === model.predicted.path);
  return all.filter((model) => first(model) === model).slice(0, SHOWN.length);
}

export const moveView = {
  name: "Move",
  title: "Which networks change their mind?",
  lead: "Each card says which digits its network was trained on. Centred digits were in the dotted square.",
  build(section) {
    const shown = shownModels();
    if (!shown.length) return missing(section, "networks that were tested over a grid of shifts");
    const cards = shown.map(card);
    const count = el("p", { class: "count" });
    section.append(count, el("div", { class: "cards" }, ...cards.map((one) => one.element)), claimBox("C1"));
    section.append(origins({ files: shown.flatMap(filesOf), claims: ["C1"] }));
    return () => {
      const all = cards.map((one) => one.update());
      const [changed, right] = ["changed", "right"].map((key) => all.filter((one) => one[key]).length);
      const reading = truth() === null ? "" : ` Correct: ${right} of ${cards.length}.`;
      count.textContent = `${changed} of ${cards.length} networks changed their mind.${reading}`;
      return count.textContent;
    };
  },
};
