// 3. Does a feature map move along with the digit?

import { shifted } from "../engine/layers.js";
import { rolled, traced } from "../engine/networks.js";
import { canvas, models, worded } from "../page/data.js";
import { el, inWords, shown } from "../page/dom.js";
import { claimBox, filesOf, missing, origins } from "../page/parts.js";
import { paintMap } from "../page/picture.js";
import { change, image, state } from "../page/state.js";

const MAPS_SHOWN = 8; // shown of each layer
const NAMED = ["architectures/stride_fc/centred", "architectures/stride_gap_circular/centred"];

/** The whole moves next to a shift of the maps. */
function nearest(shift) {
  return [...new Set([Math.floor(shift), Math.ceil(shift)])];
}

/** The move of the maps that is closest to what a shift of the digit did, and its relative error. */
function bestMove(before, after, dx, dy) {
  const tried = nearest(dy).flatMap((down) =>
    nearest(dx).map((right) => {
      const moved = rolled(before, right, down);
      const difference = after.values.map((value, place) => value - moved.values[place]);
      return {
        right,
        down,
        difference: { ...after, values: difference },
        error: rms(difference) / (rms(before.values) || 1),
      };
    }),
  );
  return tried.reduce((best, one) => (one.error < best.error ? one : best));
}

function rms(values) {
  return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
}

export const layersView = {
  name: "Layers",
  title: "Does the map move along?",
  lead:
    "Convolution is equivariant: move the digit, and the map of features moves with it. A stride breaks that for every " +
    "shift that is not a multiple of it. The total stride of a layer is the product of the strides up to it. Compare " +
    "1 pixel with 2. Padding with zeros breaks it too, at the borders of all layers after the first; circular padding " +
    "does not.",
  build(section) {
    const usable = models.filter((model) => model.predicted && model.network?.stages.length);
    if (!usable.length) return missing(section, "network with feature maps that this page can run");
    const first = usable.find((model) => NAMED.includes(model.id)) ?? usable[0];
    const which = el(
      "select",
      { id: "network", change: () => change({ network: models.indexOf(usable[which.selectedIndex]), layer: 0 }) },
      ...usable.map((model) => el("option", {}, `${model.name}, ${model.trained}`)),
    );
    const layer = el("select", { id: "layer", change: () => change({ layer: layer.selectedIndex }) });
    const steps = [1, 2, 4].map((pixels) =>
      el("button", { type: "button", click: () => change({ dx: pixels, dy: 0 }) }, `${pixels} px right`),
    );
    const finding = el("p", { class: "finding" });
    const strips = ["maps of the unshifted digit", "maps of the shifted digit", "second minus first, moved along"]
      .map(worded)
      .map((caption) => {
        const cells = Array.from({ length: MAPS_SHOWN }, () => el("canvas", { "aria-hidden": "true" }));
        return {
          cells,
          element: el("figure", { class: "strip" }, el("figcaption", {}, caption), el("div", {}, ...cells)),
        };
      });
    section.append(
      el("div", { class: "pick" }, el("label", {}, "network ", which), el("label", {}, "layer ", layer), ...steps),
      finding,
      ...strips.map((strip) => strip.element),
      claimBox("C3"),
      origins({ files: usable.flatMap(filesOf), claims: ["C3"] }),
    );
    let listed;
    return () => {
      const chosen = usable.includes(models[state.network]) ? models[state.network] : first;
      which.selectedIndex = usable.indexOf(chosen);
      const { stages } = chosen.network;
      const place = Math.min(state.layer, stages.length - 1);
      if (listed !== chosen) layer.replaceChildren(...stages.map((stage) => el("option", {}, stage.name)));
      listed = chosen;
      layer.selectedIndex = place;
      const stride = stages.slice(0, place + 1).reduce((product, stage) => product * stage.stride, 1);
      const base = image();
      const [before, after] = [base, shifted(base, canvas, state.dx, state.dy)].map(
        (values) => traced(chosen.network, values)[place],
      );
      const move = bestMove(before, after, state.dx / stride, state.dy / stride);
      const largest = before.values.reduce((most, value) => Math.max(most, value), 0);
      strips.forEach(({ cells }, number) => {
        const maps = [before, after, move.difference][number];
        cells.forEach((cell, channel) => {
          cell.hidden = channel >= maps.channels;
          if (!cell.hidden) paintMap(cell, maps, channel, largest, number === 2 ? "changed" : "high");
        });
      });
      const whole = state.dx % stride === 0 && state.dy % stride === 0;
      const found =
        `total stride ${stride}: ` +
        (whole
          ? `the map should move ${inWords(move.right, move.down)}. `
          : "no shift by whole pixels of the map fits; this is the nearest. ") +
        `Relative error ${shown(move.error, 2)}.`;
      finding.textContent = `${inWords(state.dx, state.dy)}, ${found}`;
      return found;
    };
  },
};
