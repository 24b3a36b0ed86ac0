// 1. Move the digit: a card a network.

import { among, readers } from "../page/data.js";
import { el } from "../page/dom.js";
import { card, claimBox, filesOf, missing, origins } from "../page/parts.js";

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

/** The networks of the first two views: those named, or the first ones that there are. */
export function shownModels() {
  const named = among(SHOWN);
  return named.length > 1 ? named : readers.slice(0, SHOWN.length);
}

export const moveView = {
  name: "Move",
  title: "Who changes their mind?",
  lead: "Every network below was trained on the same digits. All but the last saw them only where the dotted square is.",
  build(section) {
    const shown = shownModels();
    if (!shown.length) {
      section.append(missing("networks that were tested over a grid of shifts"));
      return () => "";
    }
    const cards = shown.map(card);
    const count = el("p", { class: "count" });
    section.append(count, el("div", { class: "cards" }, ...cards.map((one) => one.element)), claimBox("C1"));
    section.append(origins({ files: shown.flatMap(filesOf), claims: ["C1"] }));
    return () => {
      const changed = cards.map((one) => one.update()).filter(Boolean).length;
      count.textContent = `${changed} of ${cards.length} networks changed their mind.`;
      return count.textContent;
    };
  },
};
