// 2. The map of all shifts for each network: measured, or of this digit alone.

import { content, placeOf, worded } from "../page/data.js";
import { choice, choose, el } from "../page/dom.js";
import { claimBox, filesOf, missing, origins, shiftMap } from "../page/parts.js";
import { change, state } from "../page/state.js";
import { shownModels } from "./move.js";

export const mapsView = {
  name: "Maps",
  title: "Where does each network still recognise the digit?",
  lead: "Each square is one shift: right of the middle, the digit is shifted right. Click one to move it there.",
  build(section) {
    const shown = shownModels();
    if (!shown.length) return missing(section, "networks that were tested over a grid of shifts");
    const which = choice(
      "Map of",
      [{ label: "the test images, as measured" }, { label: worded("this digit, computed now") }],
      state.own,
      (own) => change({ own }),
    );
    const maps = shown.map((model) => ({ model, ...shiftMap(model, () => state.own || state.drawn) }));
    const figures = maps.map(({ model, element }) =>
      el(
        "figure",
        { class: "model", "data-model": model.id },
        el("figcaption", {}, el("h3", {}, model.name), el("p", {}, worded("training digits: ") + model.trained)),
        element,
      ),
    );
    const names = content.classNames.map((name, label) => `${label} ${name}`).join(", ");
    const keys = [
      el("p", { class: "key" }, "0%", el("i", { class: "ramp" }), "100% correct"),
      el("p", { class: "key" }, "Filled: the right answer (for a drawing, that without a shift). Orange: another. ", names),
    ];
    section.append(
      which,
      ...keys,
      el("div", { class: "maps" }, ...figures),
      claimBox("C1"),
      origins({ files: shown.flatMap(filesOf), claims: ["C1"] }),
    );
    return () => {
      choose(which, state.own);
      keys.forEach((key, own) => (key.hidden = own !== Number(Boolean(state.own || state.drawn))));
      maps.forEach((map) => map.update());
      const place = placeOf(state.dx, state.dy);
      const read = shown.map(({ measured }) => (100 * measured.right[place]) / measured.images);
      const [worst, best] = [Math.min(...read), Math.max(...read)].map((share) => Math.round(share));
      return `At this shift the networks classify ${worst} to ${best} percent of the test images correctly.`;
    };
  },
};
