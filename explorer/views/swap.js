// 4. Swap one part of the network: its head, or how it downsamples.

import { find, rows } from "../page/data.js";
import { lineChart } from "../page/chart.js";
import { choice, choose, el, linesOf, table, withInterval } from "../page/dom.js";
import { card, claimBox, fileOf, filesOf, inShort, missing, origins, shiftMap } from "../page/parts.js";
import { change, state } from "../page/state.js";

const DOWN = ["stride", "max_pool", "avg_pool", "blur_pool"];
const HEADS = ["fc", "gap"];
const NAMES = {
  stride: "stride",
  max_pool: "max pooling",
  avg_pool: "average pooling",
  blur_pool: "blur pooling",
  fc: "fully connected",
  gap: "global average",
};

function modelOf(down, head) {
  return find("architectures", `${down}_${head}`, "centred");
}

function consistency(model) {
  return rows("architectures-rings", { model: model.model, training: "centred", measure: "consistency" });
}

export const swapView = {
  name: "Swap",
  title: "Which part is to blame?",
  lead:
    "One network, one part changed at a time: how its convolutions downsample, or its head, the layers after them; those " +
    "with a global average also trained for longer. " +
    "Consistency is how often the answer for the moved digit is the same as for the unmoved one, right or wrong.",
  build(section) {
    const built = DOWN.flatMap((down) => HEADS.map((head) => ({ down, head, model: modelOf(down, head) }))).filter(
      ({ model }) => model,
    );
    if (!built.length) return missing(section, "networks that differ in one part, trained on centred digits");
    const has = (down, head) => built.some((one) => one.down === down && one.head === head);
    const pick = (parts) => {
      const wanted = { down: state.down, head: state.head, ...parts };
      if (!has(DOWN[wanted.down], HEADS[wanted.head]))
        Object.assign(
          wanted,
          "head" in parts
            ? { down: DOWN.findIndex((down) => has(down, HEADS[wanted.head])) }
            : { head: 1 - wanted.head },
        );
      change(wanted);
    };
    const options = (names, there) =>
      names.map((name) => ({
        label: NAMES[name],
        disabled: !there(name),
        title: there(name) ? "" : "not trained in this run",
      }));
    const down = choice(
      "Downsampling",
      options(DOWN, (name) => built.some((one) => one.down === name)),
      state.down,
      (place) => pick({ down: place }),
    );
    const head = choice(
      "Head",
      options(HEADS, (name) => built.some((one) => one.head === name)),
      state.head,
      (place) => pick({ head: place }),
    );
    const cards = built.map((one) => ({ ...one, card: card(one.model), map: shiftMap(one.model, () => false) }));
    const place = el("div", { class: "side" });
    const chart = el("div", { class: "plot" });
    section.append(down, head, place, chart, ringTable(built), claimBox("C4"), claimBox("C6"));
    section.append(
      origins({
        files: [
          ...fileOf("architectures-rings", "consistency by size of the shift"),
          ...built.flatMap((one) => filesOf(one.model)),
        ],
        claims: ["C4", "C6"],
      }),
    );
    let shown = null;
    return () => {
      const chosen = cards.find((one) => one.down === DOWN[state.down] && one.head === HEADS[state.head]) ?? cards[0];
      choose(down, DOWN.indexOf(chosen.down));
      choose(head, HEADS.indexOf(chosen.head));
      if (shown !== chosen) {
        shown = chosen;
        place.replaceChildren(chosen.card.element, chosen.map.element);
        const series = built
          .map(({ model }) => ({
            name: model.name,
            points: consistency(model).map((row) => [row.ring, row.mean, row.low, row.high]),
            emphasised: model === chosen.model,
          }))
          .filter((one) => one.points.length);
        chart.replaceChildren(
          series.length
            ? lineChart({
                label: "Consistency against the size of the shift",
                series,
                x: "shift, pixels",
                y: "consistency, %",
                from: 0,
                to: 100,
              })
            : "",
        );
      }
      chosen.map.update();
      return inShort(chosen.model.name, chosen.card.update());
    };
  },
};

function ringTable(built) {
  const body = built.map(({ model }) => {
    const found = [1, 2].map((ring) => consistency(model).find((row) => row.ring === ring));
    return [model.name, ...found.map((row) => (row ? withInterval(row) : "–")), linesOf(...found)];
  });
  return table(["consistency, %", "at 1 px", "at 2 px", "read from"], body);
}
