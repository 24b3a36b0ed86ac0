// What the page was built from, and its networks: built when first asked, and every answer kept.

import { shifted } from "../engine/layers.js";
import { argmax, buildNetwork } from "../engine/networks.js";
import { bytesOf, readTensors } from "../engine/weights.js";

export const content = JSON.parse(document.getElementById("data").textContent);
export const { canvas, maxShift, imageSide } = content;
export const reach = 2 * maxShift + 1; // shifts along each axis of the grid
export const margin = Math.floor((canvas - imageSide) / 2); // pixels above and left of an image
const lossless = margin >= maxShift; // whether each shift is a roll

/** All shifts of the grid, (dx, dy), row by row. */
export const grid = Array.from({ length: reach ** 2 }, (_, place) => [
  (place % reach) - maxShift,
  Math.floor(place / reach) - maxShift,
]);

/** A text about digits, about what the images of this data set show. */
export function worded(text) {
  return text.replaceAll("digit", content.noun);
}

/** A name of the config in words, as the paper writes it. */
export function words(name) {
  return content.labels[name] ?? name;
}

/** What a class is called: its name if the data set names its classes, otherwise its number. */
export function called(label) {
  return content.classNames[label] ?? String(label ?? "–");
}

/** Each test image on its canvas, Float32Array (canvas * canvas), background 0 and ink up to 1. */
export const images = imagesOf(bytesOf(content.images));

/** Images from their bytes, in which a 0 is followed by how many there are. */
function imagesOf(bytes) {
  const found = content.digits.map(() => new Float32Array(canvas ** 2));
  for (let at = 0, place = 0; at < bytes.length; at++) {
    if (bytes[at]) {
      const [number, pixel] = [Math.floor(place / imageSide ** 2), place % imageSide ** 2];
      const [row, column] = [Math.floor(pixel / imageSide) + margin, (pixel % imageSide) + margin];
      found[number][row * canvas + column] = Math.fround(bytes[at] / 255);
    }
    place += bytes[at] ? 1 : bytes[++at];
  }
  return found;
}

/** Answers from letters and counts: `b12e` is class 1 twelve times, then class 4. */
function answersOf(runs) {
  return [...runs.matchAll(/(\D)(\d*)/g)].flatMap(([, letter, length]) =>
    Array(Number(length || 1)).fill(letter.charCodeAt(0) - 97),
  );
}

/** What was measured, with numbers of images for their digits in base 36. */
function counted({ digits, right, ...rest }) {
  const found = right.match(new RegExp(`.{${digits}}`, "g"));
  return { ...rest, right: found.map((one) => Number.parseInt(one, 36)) };
}

/** A trained network of the page. */
class Model {
  /** @param {Record<string, any>} entry as scripts/invariance/explorer/content.py writes it */
  constructor(entry) {
    Object.assign(this, entry, { name: words(entry.model), trained: words(entry.training) });
    this.id = `${entry.study}/${entry.model}/${entry.training}`;
    this.known = new WeakMap();
    this.error = "";
    if (entry.measured) this.measured = { path: entry.measured, ...counted(content.measured[entry.measured]) };
    if (entry.predicted) this.predicted = { path: entry.predicted, ...content.predicted[entry.predicted] };
    if (this.predicted) this.answers = answersOf(this.predicted.answers);
  }

  /** The network itself, or null if this page cannot run it; then `error` says why. */
  get network() {
    if (this.built === undefined) {
      this.built = null;
      try {
        if (!this.weights.element) throw new Error("its weights would make this page too large");
        this.bytes = bytesOf(document.getElementById(this.weights.element).textContent);
        this.built = buildNetwork(this.settings, canvas, readTensors(this.bytes));
      } catch (error) {
        this.error = error.message;
      }
    }
    return this.built;
  }

  /** Logits of an image moved by (dx, dy) pixels; null if this page cannot run the network. */
  logits(image, dx, dy, circular = false) {
    if (!this.network) return null;
    if (!this.known.has(image)) this.known.set(image, new Map());
    const answers = this.known.get(image);
    const key = `${dx} ${dy} ${circular}`;
    if (!answers.has(key)) {
      const { logitsOfRoll, logits } = this.network;
      const rolls = logitsOfRoll && (circular || lossless);
      answers.set(key, rolls ? logitsOfRoll(image, dx, dy) : logits(shifted(image, canvas, dx, dy, circular)));
    }
    return answers.get(key);
  }

  /** The class that the network gives an image; for a test image that it cannot run, what the pipeline recorded. */
  answer(image, dx, dy, circular = false) {
    const logits = this.logits(image, dx, dy, circular);
    return logits ? argmax(logits) : this.recorded(images.indexOf(image), dx, dy);
  }

  /** What the pipeline predicted for the test image of this number; null if it recorded nothing. */
  recorded(number, dx, dy) {
    const place = placeOf(dx, dy);
    if (number < 0 || place === null || !this.predicted) return null;
    return this.answers[number * grid.length + place];
  }

  /** The SHA-256 of the weights as this browser computes it; empty if it cannot. */
  async sha256() {
    if ((!this.network && !this.bytes) || !globalThis.crypto?.subtle) return "";
    const digest = await crypto.subtle.digest("SHA-256", this.bytes);
    return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
  }
}

export const models = content.networks.map((entry) => new Model(entry));

/** The model of that study and training, or undefined. */
export function find(study, model, training) {
  return models.find((one) => one.study === study && one.model === model && one.training === training);
}

/** The models among those named, in their order. */
export function among(names) {
  return names.map((name) => models.find((one) => one.id === name)).filter(Boolean);
}

/** The models that tell classes. */
export const readers = models.filter((one) => one.predicted);

/** The test image that the page opens with: the first that the first of them reads, so that there is something to lose. */
export const opening = Math.max(
  0,
  content.digits.findIndex(({ label }, number) => readers[0]?.recorded(number, 0, 0) === label),
);

/** The place of a shift in the grid, row by row; null outside. */
export function placeOf(dx, dy) {
  return Math.max(Math.abs(dx), Math.abs(dy)) <= maxShift ? (dy + maxShift) * reach + dx + maxShift : null;
}

/**
 * A model's answers for an image at every shift of the grid, computed between frames.
 * @param {Model} model
 * @param {Float32Array} image
 * @param {() => boolean} wanted whether to go on
 * @returns {Promise<number[] | null>} null if it was not
 */
export async function sweep(model, image, wanted) {
  const answers = [];
  let start = performance.now();
  for (const [dx, dy] of grid) {
    answers.push(model.answer(image, dx, dy));
    if (performance.now() - start > 12) {
      await new Promise((resume) => setTimeout(resume));
      if (!wanted()) return null;
      start = performance.now();
    }
  }
  return answers;
}

/** A table's rows with these values; none if the run has no such table. */
export function rows(table, values = {}) {
  if (!Object.hasOwn(content.tables, table)) return [];
  const { columns, words: texts, rows: all } = content.tables[table];
  const entry = (column, value) => (Object.hasOwn(texts, column) ? texts[column][value] : value);
  const found = all.map((row) => Object.fromEntries(columns.map((name, place) => [name, entry(name, row[place])])));
  return found.filter((row) => Object.entries(values).every(([name, value]) => row[name] === value));
}

/** The claim with this id, or undefined. */
export function claim(id) {
  return content.claims.find((one) => one.id === id);
}
