// 7. What was it shown? Invariance reaches as far as the training translations, and only for the digits that moved.

import { called, content, models, rows, words, worded } from "../page/data.js";
import { lineChart } from "../page/chart.js";
import { choice, choose, el, linesOf, shown, table, withInterval } from "../page/dom.js";
import { card, claimBox, fileOf, filesOf, inShort, missing, origins, shiftMap } from "../page/parts.js";
import { change, state } from "../page/state.js";

const RANGE = /^range_(\d+)$/;
const PARTS = { all: "all weights", head: "the head", last_layer: "the last layer" };
const BEFORE = {
  after_nothing_error: "nothing",
  after_plain_error: "others centred",
  after_distorted_error: "others moved",
  distorted_itself_error: "moved themselves",
};

export const shownView = {
  name: "Training",
  title: "What was it trained on?",
  lead:
    "The same CNN, trained anew for each range of translations. How far beyond its range is it still right? The " +
    "radius of invariance is the largest shift up to which nearly all of its answers stay the same.",
  build(section) {
    const ranges = models.filter((model) => model.study === "augmentation_range" && RANGE.test(model.training));
    const partial = models.find((model) => model.predicted && model.moved);
    const updates = [
      ranges.length ? rangePart(section, ranges) : null,
      partial ? classPart(section, partial) : null,
    ].filter(Boolean);
    if (!updates.length)
      missing(section, "networks that were trained with translations of several ranges or of some digits");
    sequencePart(section);
    splitPart(section);
    const tables = ["augmentation_range", "class_transfer-classes", "class_sequence-carried", "split"];
    const files = tables.flatMap((table) => fileOf(table, ""));
    section.append(
      origins({
        files: [...files, ...[...ranges, partial].filter(Boolean).flatMap(filesOf)],
        claims: ["C8", "C9b", "C9", "C11"],
      }),
    );
    return () => updates.map((update) => update()).join(" ");
  },
};

function rangePart(section, ranges) {
  const pixels = (model) => Number(RANGE.exec(model.training)[1]);
  const which = choice(
    "Trained with translations of up to",
    ranges.map((model) => ({ label: `${pixels(model)} px` })),
    state.range,
    (range) => change({ range }),
  );
  const cards = ranges.map((model) => ({ card: card(model), map: shiftMap(model, () => false) }));
  const place = el("div", { class: "side" });
  const radius = rows("augmentation_range", { measure: "radius", model: ranges[0].model }).filter((row) =>
    RANGE.test(row.training),
  );
  const points = radius.map((row) => [Number(RANGE.exec(row.training)[1]), row.mean, row.low, row.high]);
  const most = Math.max(1, content.maxShift);
  const series = [
    { name: "as far as shown", points: [0, most].map((end) => [end, end]) },
    { name: "radius", points, emphasised: true },
  ];
  const chart = points.length
    ? lineChart({
        label: "Radius of invariance against the range of training translations",
        series,
        x: "training translations, pixels",
        y: "radius of invariance, px",
        from: 0,
        to: most,
      })
    : "";
  section.append(which, place, chart, claimBox("C8"));
  let now = null;
  return () => {
    const chosen = cards[Math.min(state.range, cards.length - 1)];
    choose(which, cards.indexOf(chosen));
    if (now !== chosen) {
      now = chosen;
      place.replaceChildren(chosen.card.element, chosen.map.element);
    }
    chosen.map.update();
    return inShort(`Trained with up to ${pixels(ranges[cards.indexOf(chosen)])} px, it`, chosen.card.update());
  };
}

function classPart(section, model) {
  const made = card(model);
  const moved = model.moved.map(called).join(", ");
  const wasMoved = ({ label }) => model.moved.includes(label);
  const examples = [
    [content.digits.findLastIndex(wasMoved), "shown moved"],
    [content.digits.findLastIndex((digit) => !wasMoved(digit)), "never moved"],
  ].filter(([number]) => number >= 0);
  const buttons = examples.map(([digit, what]) =>
    el(
      "button",
      { type: "button", click: () => change({ digit, drawn: null, dx: content.maxShift, dy: 0 }) },
      `Move this one: ${called(content.digits[digit].label)}, ${what}`,
    ),
  );
  section.append(
    el("h3", { class: "part" }, `Only ${moved} were moved in training`),
    el("p", {}, worded("It saw all other digits only in the centre. Does it recognise them elsewhere?")),
    el("div", { class: "buttons" }, ...buttons),
    made.element,
    classTable(model.training),
    claimBox("C9b"),
  );
  return () => inShort(`Trained with only ${moved} moved, it`, made.update());
}

function classTable(training) {
  const measured = rows("class_transfer-classes", { training, measure: "mean_error" });
  return measured.length
    ? table(
        [worded("digits"), "in training", "mean error over shifts, %", "read from"],
        measured.map((row) => [
          row.group,
          row.shown === "distorted" ? "translated" : "centred",
          withInterval(row),
          linesOf(row),
        ]),
      )
    : "";
}

function sequencePart(section) {
  const measured = rows("class_sequence-carried");
  if (!measured.length) return;
  const networks = [...new Set(measured.map((row) => `${row.model} ${row.trained_part}`))].map((name) => name.split(" "));
  const body = networks.map(([model, part]) => {
    const value = (measure) =>
      measured.find((row) => row.model === model && row.trained_part === part && row.measure === measure);
    const [errors, carried] = [Object.keys(BEFORE).map(value), value("carried")];
    return [
      `${words(model)}; ${PARTS[part] ?? part}`,
      ...errors.map((row) => (row ? shown(row.mean) : "–")),
      carried ? withInterval(carried) : "–",
      linesOf(...errors, carried),
    ];
  });
  section.append(
    el("h3", { class: "part" }, worded("First some digits, then the others")),
    el(
      "p",
      {},
      worded(
        "A network learned some of the digits; then all of it, or a part, learned the others, so that being off centre " +
          "is no sign of a digit. Does it recognise the later digits elsewhere? Their mean error over shifts, %, if it " +
          "had learned nothing before, others centred, or others moved; and after others centred, moved themselves:",
      ),
    ),
    table(["network; part that went on", ...Object.values(BEFORE), "carried over, %", "read from"], body),
    claimBox("C9"),
  );
}

function splitPart(section) {
  const errors = rows("split", { measure: "mean_error" });
  if (!errors.length) return;
  const [names, trainings] = ["model", "training"].map((key) => [...new Set(errors.map((row) => row[key]))]);
  const cells = (model) =>
    trainings.map((training) => errors.find((row) => row.model === model && row.training === training));
  section.append(
    el("h3", { class: "part" }, "Augmentation or architecture?"),
    table(
      ["mean error over shifts, %", ...trainings.map(words), "read from"],
      names.map((model) => [
        words(model),
        ...cells(model).map((row) => (row ? shown(row.mean) : "–")),
        linesOf(...cells(model)),
      ]),
    ),
    claimBox("C11"),
  );
}
