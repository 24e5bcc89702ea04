/** The open candidate, or two side by side. */

import * as control from "./control.js";
import * as curves from "./curves.js";
import { byId, element, focused, isBeside } from "./dom.js";
import * as drawing from "./drawing.js";
import * as measures from "./measures.js";
import { model } from "./model.js";
import * as notes from "./notes.js";
import * as provenance from "./provenance.js";
import { schedule } from "./schedule.js";
import * as source from "./source.js";
import * as stages from "./stages.js";
import { state } from "./state.js";
import * as store from "./store.js";

let [shown, owner] = ["", ""]; // what the panel shows, and of whom
let isPicking = false;
/** @type {HTMLElement | null} */
let opener = null;

/**
 * A button that opens a candidate, for wherever its number stands.
 * @param {Row} row @param {string} text
 */
export function link(row, text) {
  const open = (/** @type {MouseEvent} */ event) =>
    select(row, isBeside(event), true);
  return element(
    "button.link",
    { type: "button", onclick: open, "aria-label": `open ${store.title(row)}` },
    text,
  );
}

/**
 * @param {Row} row
 * @param {boolean} beside what is open, rather than in its place
 * @param {boolean} [focus] moves the keyboard there
 */
export function select(row, beside, focus = false) {
  const [first] = state.selected;
  const both = (beside || isPicking) && first && first !== row.key;
  state.selected = both ? [first, row.key] : [row.key];
  isPicking = false;
  opener = focused();
  schedule("selection");
  if (focus) requestAnimationFrame(() => byId("candidate").focus());
}

export function close() {
  state.selected = [];
  isPicking = false;
  schedule("selection");
  const isThere = opener?.isConnected && opener !== document.body;
  (isThere ? opener : byId("plot-frame")).focus();
}

/** Draws anew when the selection or a selected candidate changed. */
export async function draw() {
  const rows = state.selected.map(store.find).filter(Boolean);
  const panel = byId("candidate");
  panel.hidden = !rows.length;
  document.body.classList.toggle("comparing", rows.length > 1);
  const whose = JSON.stringify([rows.map((row) => [row.key, row.state]), isPicking]);
  const key = JSON.stringify([whose, rows.map((row) => soFar(row)?.curve.length)]);
  if (key === shown || (whose === owner && isFilled(panel))) return;
  [shown, owner] = [key, whose];
  if (!rows.length) return panel.replaceChildren();
  panel.replaceChildren(heading(rows), element("p.muted", {}, "reading ..."));
  const parts = await details(rows);
  if (key === shown) show(panel, rows, parts);
}

/** Whether the reader is at a form, which a new epoch must not empty. @param {HTMLElement} panel */
const isFilled = (panel) =>
  panel.querySelector("details.variant[open]") !== null ||
  (panel.contains(focused()) && focused().closest("form") !== null);

/** What the search has heard of a candidate that runs. @param {Row} row */
const soFar = (row) =>
  row.state === "running" ? row.run.running?.find(({ number }) => number === row.number) : undefined;

/** All that is known; of one that runs, with its curve so far. @param {Row} row */
async function known(row) {
  const detail = await source.detail(row);
  const { curve } = soFar(row) ?? {};
  return detail && curve ? { ...detail, curve } : detail;
}

/** @param {Row[]} rows */
async function details(rows) {
  try {
    return await Promise.all(rows.map(known));
  } catch (problem) {
    return /** @type {Error} */ (problem);
  }
}

/** @param {HTMLElement} panel @param {Row[]} rows @param {(Detail | null)[] | Error} parts */
function show(panel, rows, parts) {
  if (parts instanceof Error || parts.includes(null)) {
    const text =
      parts instanceof Error
        ? parts.message
        : `This report holds no details of ${store.title(rows[parts.indexOf(null)])}.`;
    return panel.replaceChildren(heading(rows), element("p.problem", { role: "alert" }, text));
  }
  const networks = rows.map((row, place) => ({ label: title(row), row, detail: parts[place] }));
  /** @type {[string, typeof curves.learning, boolean][]} */
  const all = [
    ["Learning curve", curves.learning, parts.some(({ curve }) => curve.length)],
    ["Step-time samples", curves.samples, parts.some(({ samples_s }) => samples_s.length)],
  ];
  const drawn = all.filter(([, , has]) => has);
  const places = drawn.map(() => element("div.chart", { role: "img" }));
  panel.replaceChildren(
    heading(rows),
    ...networks.map(remarks),
    ...rows.map((row) => notes.section(row.run, row.number, title(row))).filter(Boolean),
    ...[rows.length === 1 ? control.variant(rows[0]) : null].filter(Boolean),
    ...networks.map(picture),
    stages.table(parts.map(({ architecture }) => architecture)),
    element("h3", {}, "Measurements"),
    measures.table(networks),
    ...drawn.flatMap(([name], place) => [element("h3", {}, name), label(places[place], name)]),
    ...networks.map(provenance.section),
  );
  drawn.forEach(([, draw], place) => draw(places[place], networks));
}

/** @param {HTMLElement} place @param {string} name */
function label(place, name) {
  place.setAttribute("aria-label", name);
  return place;
}

/** @param {Row} row */
function title(row) {
  const run = store.areSeveral() ? `, ${row.run.label}` : "";
  return `${store.title(row)}${run}`;
}

/** @param {Row[]} rows */
function heading(rows) {
  const pick = () => {
    isPicking = !isPicking;
    draw();
  };
  const compare =
    rows.length === 1
      ? element(
          "button",
          { type: "button", onclick: pick, "aria-pressed": String(isPicking) },
          isPicking ? "now choose another ..." : "Compare",
        )
      : element("button", { type: "button", onclick: () => swap() }, "Swap");
  const names =
    rows.length === 1
      ? title(rows[0])
      : rows.map((row, place) => `${"AB"[place]}: ${title(row)}`).join("  ·  ");
  return element(
    "header.bar-of-buttons",
    {},
    element("h2", {}, names[0].toUpperCase() + names.slice(1)),
    compare,
    element("button.close", { type: "button", onclick: close, "aria-label": "close (Esc)" }, "×"),
  );
}

function swap() {
  state.selected.reverse();
  schedule("selection");
}

/**
 * How it stands: front, rank, or why it is out.
 * @param {Network} network @param {number} place
 */
function remarks({ row, detail }, place) {
  const rank = model.ranking.indexOf(row);
  const said = [
    row.state !== "complete" && [row.state, detail.cause].filter(Boolean).join(": "),
    row === model.winner && "the winner",
    rank > 0 && `place ${rank + 1} by reward`,
    row.confirms >= 0 &&
      row.confirms !== null &&
      `another training of candidate ${row.confirms}${row.fidelity ? ` (${row.fidelity})` : ""}`,
    model.onFront.has(row) && "on the Pareto front",
  ].filter(Boolean);
  const letter = state.selected.length > 1 ? `${"AB"[place]}: ` : "";
  return element(
    "div.remarks",
    {},
    said.length > 0 && element("p", {}, letter + said.join(", ")),
    detail.reason && element("p", {}, detail.reason),
    detail.detail && element("p.problem", {}, detail.detail),
    detail.trace?.length > 0 && trace(detail.trace),
  );
}

/** The last calls that led to an error. @param {string[]} lines */
function trace(lines) {
  return element(
    "details",
    {},
    element("summary", {}, "where the error was raised"),
    element("pre.trace", { tabindex: 0 }, lines.join("\n")),
  );
}

/** @param {Network} network */
function picture({ label, detail }) {
  const size = detail.step_time?.image_size ?? null;
  return element(
    "div.scroll",
    { tabindex: 0, role: "group", "aria-label": `drawing of ${label}` },
    drawing.network(detail.architecture, size, label),
  );
}

/** Draws anew, as in other colours. */
export function redraw() {
  [shown, owner] = ["", ""];
  draw();
}
