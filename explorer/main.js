// The page: stage on the left, one view on the right.

import { accelerate } from "./engine/fast.js";
import { bytesOf } from "./engine/weights.js";
import { content, models, worded } from "./page/data.js";
import { el, inWords, scrollAcross } from "./page/dom.js";
import { buildBet } from "./page/bet.js";
import { forgetColours } from "./page/picture.js";
import { buildStage, repaintThumbs } from "./page/stage.js";
import { change, onChange, readAddress, state } from "./page/state.js";
import { moveView } from "./views/move.js";
import { mapsView } from "./views/maps.js";
import { layersView } from "./views/layers.js";
import { swapView } from "./views/swap.js";
import { exactView } from "./views/exact.js";
import { transformerView } from "./views/transformer.js";
import { shownView } from "./views/shown.js";
import { placeView } from "./views/place.js";
import { distortionsView } from "./views/distortions.js";

const VIEWS = [
  moveView,
  mapsView,
  layersView,
  swapView,
  exactView,
  transformerView,
  shownView,
  placeView,
  distortionsView,
];
const PAUSE = 500; // milliseconds without a change before a screen reader is told

const byId = (id) => document.getElementById(id);
let built = null;
let telling = 0;

function openPage() {
  useWebAssembly();
  readAddress();
  const updateStage = buildStage(byId("stage"));
  buildBet(byId("bet"));
  const links = VIEWS.map(({ name }, number) =>
    el(
      "a",
      {
        href: `#view=${number + 1}`,
        click: (event) => {
          if (event.ctrlKey || event.metaKey || event.shiftKey) return;
          event.preventDefault();
          change({ view: number + 1 });
        },
      },
      el("span", {}, `${number + 1}`),
      ` ${name}`,
    ),
  );
  byId("nav").append(...links);
  fillNotes();
  byId("problem").hidden = true;
  byId("main").hidden = false;
  const update = () => {
    updateStage();
    if (built?.view !== state.view) {
      markCurrent(links);
      built = { view: state.view, update: buildView(VIEWS[state.view - 1]) };
    }
    tell(built.update());
    document.documentElement.dataset.ready = "true";
  };
  onChange(update);
  addEventListener("hashchange", readAddress);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    built = null;
    forgetColours();
    repaintThumbs();
    change({});
  });
  update();
  checkWeights();
}

/** Compute by WebAssembly if this browser has it, else by the same loops in JavaScript, some times slower. */
function useWebAssembly() {
  try {
    accelerate(bytesOf(byId("loops").textContent));
    document.documentElement.dataset.loops = "wasm";
  } catch {
    document.documentElement.dataset.loops = "js";
  }
}

/** Mark the link of the present view, and have it in sight. */
function markCurrent(links) {
  links.forEach((link, number) => link.setAttribute("aria-current", number + 1 === state.view ? "page" : "false"));
  scrollAcross(links[state.view - 1]);
}

function buildView({ title, lead, build }) {
  const section = byId("view");
  section.replaceChildren(el("h2", { id: "view-title" }, worded(title)), el("p", { class: "lead" }, worded(lead)));
  return build(section);
}

function tell(text) {
  clearTimeout(telling);
  telling = setTimeout(() => (byId("live").textContent = `${inWords(state.dx, state.dy)}. ${text}`), PAUSE);
}

function fillNotes() {
  const { dataset, name, licence, note, config } = content;
  if (note) {
    byId("note").textContent =
      `This is the demo, on ${name}. It shows that the pipeline works; its numbers say nothing about MNIST.`;
  }
  byId("foot").append(
    el(
      "p",
      {},
      "Answers and feature maps are computed in your browser, by the trained networks of the first seed, unless a card " +
        "says otherwise; the page loads nothing from anywhere. What was measured comes from the files that are named: " +
        "tables, charts and claims show means over seeds, with intervals in [ ]. ",
      el("span", { id: "weights" }, "Checking the weights…"),
    ),
    el(
      "p",
      {},
      `Made by `,
      el("code", {}, `snakemake --cores 8 results/${dataset}/explorer.html`),
      ` from `,
      el("code", {}, config.path),
      `, SHA-256 `,
      el("code", { title: config.sha256 }, `${config.sha256.slice(0, 12)}…`),
      `. The images are from ${[name, licence].filter(Boolean).join(": ")}.`,
    ),
  );
}

/** Compare the SHA-256 of the weights that this page runs with that of the artefacts that they were copied from. */
async function checkWeights() {
  const note = byId("weights");
  const differing = [];
  let checked = 0;
  for (const model of models) {
    await new Promise((resume) => setTimeout(resume, 50));
    const found = await model.sha256();
    if (found) checked++;
    if (found && found !== model.weights.sha256) differing.push(model.weights.path);
  }
  if (differing.length) {
    report(
      `Altered weights: ${differing.join(", ")}. What the networks answer here is not what the pipeline measured; make this page again.`,
    );
  }
  const whole = checked === models.length ? `all ${checked}` : `${checked} of ${models.length}`;
  note.textContent =
    differing.length || !models.length
      ? ""
      : checked
        ? `The weights of ${whole} networks have the SHA-256 of their files.`
        : globalThis.crypto?.subtle
          ? "No weights could be compared with their files."
          : "This browser cannot compute SHA-256 here, so the weights were not compared with their files.";
  note.dataset.checked = checked;
}

/** Say on the page what is wrong with it. */
function report(problem) {
  byId("problem").hidden = false;
  byId("problem").className = "problem";
  byId("problem").textContent = problem;
}

const failed = (error) =>
  report(
    `This page failed (${error?.message ?? error}). Its content may be damaged: make it again. The same results are in paper.pdf.`,
  );
addEventListener("error", ({ error }) => failed(error));
addEventListener("unhandledrejection", ({ reason }) => failed(reason));
openPage();
