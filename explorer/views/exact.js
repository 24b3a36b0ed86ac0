// 5. Exact controls: roll the digit round the edge, and nothing changes but rounding.

import { shifted } from "../engine/layers.js";
import { traced } from "../engine/networks.js";
import { among, canvas } from "../page/data.js";
import { el, shown } from "../page/dom.js";
import { card, claimBox, filesOf, missing, origins } from "../page/parts.js";
import { image, state } from "../page/state.js";

const CONTROLS = [
  "architectures/stride_gap_circular/centred",
  "architectures/phase_averaged/centred",
  "architectures/polyphase_gap_circular/centred",
];

export const exactView = {
  name: "Exact",
  title: "Can a network be exactly invariant?",
  lead:
    "Here the digit rolls round the edge, as circular padding assumes, by up to half the canvas. A stride of 2 keeps " +
    "one pixel of each 2x2 block; the phase says which. The first network always keeps the same phase. The second " +
    "averages over all phases of its strides. The third keeps, at each stride, the phase with the largest norm: its " +
    "choice moves with the digit, so its logits change by rounding alone.",
  build(section) {
    const models = among(CONTROLS);
    if (!models.length) return missing(section, "networks with circular padding and global pooling");
    const cards = models.map((model) => {
      const made = card(model);
      const drift = el("p", { class: "finding" });
      const hops = el("div", { class: "hops" });
      return { model, made, drift, hops, element: el("div", { class: "exact" }, made.element, drift, hops) };
    });
    section.append(
      el("div", { class: "cards" }, ...cards.map((one) => one.element)),
      claimBox("C5"),
      origins({ files: models.flatMap(filesOf), claims: ["C5"] }),
    );
    return () => {
      let changed = 0;
      for (const { model, made, drift, hops } of cards) {
        changed += made.update().changed ? 1 : 0;
        const base = image();
        const [before, now] = [model.logits(base, 0, 0, true), model.logits(base, state.dx, state.dy, true)];
        if (!before) continue;
        const largest = Math.max(...before.map((logit, place) => Math.abs(now[place] - logit)));
        drift.textContent = `largest change of a logit: ${shown(largest, 2)}`;
        if (model.settings.downsampling !== "polyphase") continue;
        const maps = traced(model.network, shifted(base, canvas, state.dx, state.dy, true));
        const picked = maps.map(({ phase }) => phase).filter((phase) => phase !== undefined);
        hops.replaceChildren(...picked.map(hop));
      }
      return `${changed} of ${cards.length} changed their mind.`;
    };
  },
};

/** A 2x2 block with the phase that a layer keeps. */
function hop(phase, layer) {
  const pixels = [0, 1, 2, 3].map((one) => el("i", { class: one === phase ? "kept" : "" }));
  return el(
    "figure",
    { class: "hop" },
    el("div", { role: "img", "aria-label": `phase ${phase} of 4` }, ...pixels),
    el("figcaption", {}, `layer ${layer + 1} keeps`),
  );
}
