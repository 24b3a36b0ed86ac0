// 6. The spatial transformer: what was done to the digit, and what the network undid.

import { shifted, translated } from "../engine/layers.js";
import { canvas, find, maxShift, models, worded } from "../page/data.js";
import { el, inWords, shown, svg } from "../page/dom.js";
import { card, claimBox, filesOf, missing, origins } from "../page/parts.js";
import { paint } from "../page/picture.js";
import { image, state } from "../page/state.js";

export const transformerView = {
  name: "Transformer",
  title: "Does it put the digit back?",
  lead:
    "A spatial transformer looks first and moves the digit before the classifier sees it. If it was trained on centred " +
    "digits, it has never had anything to undo.",
  build(section) {
    const model =
      find("architectures", "stn", "centred") ?? models.find((one) => one.settings.family === "stn" && one.predicted);
    if (!model?.network) return missing(section, "spatial transformer that this page can run");
    const made = card(model);
    const [given, seen] = ["what the network was given", "what its classifier sees"].map((label) =>
      el("canvas", { class: "picture", role: "img", "aria-label": label }),
    );
    const arrows = el("div", { class: "arrows" });
    const finding = el("p", { class: "finding" });
    section.append(
      el(
        "div",
        { class: "before-after" },
        el("figure", {}, given, el("figcaption", {}, "given")),
        el(
          "figure",
          {},
          arrows,
          el(
            "figcaption",
            {},
            el("span", { class: "done" }, "─ done"),
            " ",
            el("span", { class: "undone" }, "╌ undone"),
          ),
        ),
        el("figure", {}, seen, el("figcaption", {}, "what its classifier sees")),
      ),
      finding,
      made.element,
      claimBox("C7"),
      origins({ files: filesOf(model), claims: ["C7"] }),
    );
    return () => {
      const moved = shifted(image(), canvas, state.dx, state.dy);
      const [x, y] = model.network.undone(moved);
      paint(given, moved, canvas);
      paint(seen, translated(moved, canvas, x, y), canvas);
      arrows.replaceChildren(drawArrows([state.dx, state.dy], [-x, -y], maxShift + model.settings.max_shift));
      const left = Math.hypot(state.dx - x, state.dy - y);
      const found =
        `Undone: ${shown(Math.abs(x), 2)} px ${x > 0 ? "left" : "right"}, ` +
        `${shown(Math.abs(y), 2)} px ${y > 0 ? "up" : "down"}. ${worded("The digit")} ends ${shown(left, 2)} px from the training position.`;
      made.update();
      finding.textContent = `Done: ${inWords(state.dx, state.dy)}. ${found}`;
      return found;
    };
  },
};

/** Two arrows from the middle, the second from the end of the first, together at most `longest`; pixels right and down. */
function drawArrows(done, undone, longest) {
  const size = 2 * longest + 1;
  const half = size / 2;
  const arrow = ([x, y], name, [fromX, fromY]) =>
    svg(
      "g",
      { class: name },
      svg("line", { x1: half + fromX, y1: half + fromY, x2: half + fromX + x, y2: half + fromY + y }),
      svg("circle", { cx: half + fromX + x, cy: half + fromY + y, r: 0.35 }),
    );
  return svg(
    "svg",
    {
      viewBox: `0 0 ${size} ${size}`,
      class: "vectors",
      role: "img",
      "aria-label": "what was done, and what was undone",
    },
    svg("rect", { x: 0, y: 0, width: size, height: size }),
    svg("circle", { cx: half, cy: half, r: 0.2, class: "origin" }),
    arrow(done, "done", [0, 0]),
    arrow(undone, "undone", done),
  );
}
