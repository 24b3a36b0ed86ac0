// Elements and numbers. All text goes in as text, never as markup.

const SVG = "http://www.w3.org/2000/svg";

/**
 * An element with attributes and children; a function as an attribute is a listener, and false leaves one out.
 * @param {string} tag
 * @param {Record<string, any>} [attributes]
 * @param {...(Node|string|number|null|undefined|false)} children
 * @returns {any}
 */
export function el(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

/** The same for SVG. */
export function svg(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value !== false && value !== undefined) element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Set the text of an element; the same text again would have the browser lay the page out anew. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** A number with so many significant digits and a true minus sign; very large and small ones with a power of ten. */
export function shown(value, digits = 3) {
  if (value === null || value === undefined) return "–";
  const size = Math.abs(value);
  const text =
    size && (size < 1e-3 || size >= 1e6) ? value.toExponential(1) : String(Number(value.toPrecision(digits)));
  return text.replaceAll("-", "−");
}

/** A mean with its interval, if it has one. */
export function withInterval({ mean, low, high }, digits = 3) {
  const about = low === null || low === undefined ? "" : ` [${shown(low, digits)}, ${shown(high, digits)}]`;
  return shown(mean, digits) + about;
}

/** Have an element in the middle of the row that it scrolls in. */
export function scrollAcross(element) {
  const row = element.parentElement;
  row.scrollLeft = element.offsetLeft - row.offsetLeft - (row.clientWidth - element.offsetWidth) / 2;
}

/** A shift in words. */
export function inWords(dx, dy) {
  const parts = [
    dx ? `${Math.abs(dx)} px ${dx > 0 ? "right" : "left"}` : "",
    dy ? `${Math.abs(dy)} px ${dy > 0 ? "down" : "up"}` : "",
  ].filter(Boolean);
  return parts.join(", ") || "0 px";
}

/** Radio buttons in a row. */
export function choice(legend, options, chosen, onChoose) {
  const name = `choice-${legend.replace(/\W+/g, "-")}`;
  const buttons = options.map(({ label, disabled, title }, place) =>
    el(
      "label",
      { title },
      el("input", {
        type: "radio",
        name,
        value: place,
        checked: place === chosen,
        disabled,
        change: () => onChoose(place),
      }),
      el("span", {}, label),
    ),
  );
  return el("fieldset", { class: "choice" }, el("legend", {}, legend), ...buttons);
}

/** Set which of a `choice` is checked. */
export function choose(fieldset, chosen) {
  fieldset.querySelectorAll("input").forEach((input, place) => (input.checked = place === chosen));
}

/** The lines of a file that rows were read from, as the last cell of a row. */
export function linesOf(...found) {
  const lines = found.filter(Boolean).map((row) => row.line);
  return `${lines.length > 1 ? "lines" : "line"} ${lines.join(", ")}`;
}

/** A table whose first column names the rows. */
export function table(head, body) {
  return el(
    "div",
    { class: "scroll", tabindex: 0, role: "region", "aria-label": head.join(", ") },
    el(
      "table",
      {},
      el("thead", {}, el("tr", {}, ...head.map((cell) => el("th", { scope: "col" }, cell)))),
      el(
        "tbody",
        {},
        ...body.map(([first, ...rest]) =>
          el(
            "tr",
            {},
            el("th", { scope: "row" }, first),
            ...rest.map((cell) => el("td", { class: /^[−–\d]/.test(String(cell)) ? "number" : false }, cell)),
          ),
        ),
      ),
    ),
  );
}
