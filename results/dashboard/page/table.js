/** Every shown candidate as a table; of 20,000 only the rows in sight are there. */

import * as candidate from "./candidate.js";
import * as colours from "./colours.js";
import * as columns from "./columns.js";
import { byId, element, focused, isBeside, save } from "./dom.js";
import { model } from "./model.js";
import { schedule } from "./schedule.js";
import { state } from "./state.js";
import * as store from "./store.js";

const ROW_PX = 30;
const SPARE = 8; // rows above and below those in sight
const COLUMNS = [
  "number",
  "run",
  "state",
  "reward",
  "accuracy",
  "step_ms",
  "step",
  "parameters",
  "multiply_adds",
  "memory",
  "throughput",
  "inference",
  "layers",
  "fused",
  "cause",
  "stages",
];
/** @type {Row[]} */
let rows = [];
/** @type {Column[]} */
let own = [];
/** @type {string | null | undefined} */
let active = null; // the key of the row that the keyboard is at

function ownColumns() {
  const several = store.areSeveral();
  return COLUMNS.map(columns.find).filter((column) => several || column.id !== "run");
}

/**
 * Without those that nothing is known of, as where nobody measured inference.
 * @param {Column} column
 */
const known = (column) => rows.length === 0 || rows.some((row) => column.value(row) !== null);

export function draw() {
  rows = sorted();
  own = ownColumns().filter(known);
  drawHead();
  redraw();
}

/** By a column; runs whose rewards do not compare stay apart. */
function sorted() {
  const column = columns.find(state.sort) ?? columns.find("reward");
  const sign = state.descending ? -1 : 1;
  const values = new Map(model.shown.map((row) => [row, column.value(row)]));
  return [...model.shown].sort((a, b) => {
    if (model.refusal && a.run !== b.run) return a.run.id - b.run.id;
    const [one, other] = [values.get(a), values.get(b)];
    if (one === null || other === null)
      return Number(one === null) - Number(other === null) || a.number - b.number;
    return sign * colours.inOrder(one, other) || a.number - b.number;
  });
}

function drawHead() {
  const head = own.map((column) => {
    const isSorted = column.id === state.sort;
    const arrow = isSorted ? (state.descending ? " ↓" : " ↑") : "";
    return element(
      `th${column.isText ? "" : ".number"}`,
      {
        scope: "col",
        "aria-sort": isSorted ? (state.descending ? "descending" : "ascending") : "none",
      },
      element(
        "button.link",
        { type: "button", onclick: () => sortBy(column), "data-sort": column.id },
        columns.title(column) + arrow,
      ),
    );
  });
  const sort = focused()?.dataset.sort;
  byId("table").tHead.replaceChildren(element("tr", {}, head));
  if (sort) focus(`[data-sort="${CSS.escape(sort)}"]`);
}

/** The better side first, the other way at the second press. @param {Column} column */
function sortBy(column) {
  const isHighFirst = column.better ? column.better === "high" : false;
  state.descending = state.sort === column.id ? !state.descending : isHighFirst;
  state.sort = column.id;
  schedule("sort");
}

export function redraw() {
  const frame = byId("table-frame");
  const first = Math.max(0, Math.floor(frame.scrollTop / ROW_PX) - SPARE);
  const last = Math.min(rows.length, first + Math.ceil(frame.clientHeight / ROW_PX) + 2 * SPARE);
  const hadFocus = byId("table").contains(focused()) && focused()?.tagName === "TR";
  byId("table").setAttribute("aria-rowcount", String(rows.length + 1));
  byId("table").tBodies[0].replaceChildren(
    spacer(first, own.length),
    ...rows.slice(first, last).map((row, place) => line(row, first + place)),
    spacer(rows.length - last, own.length),
  );
  if (hadFocus) focus("tr[tabindex='0']", { preventScroll: true });
}

/** @param {number} count @param {number} width */
function spacer(count, width) {
  const cell = element("td", { colspan: width });
  cell.style.height = `${count * ROW_PX}px`;
  return element("tr.spacer", { "aria-hidden": "true", hidden: count === 0 }, cell);
}

/** @param {Row} row @param {number} place */
function line(row, place) {
  const chosen = state.selected.includes(row.key);
  const isActive = active ? row.key === active : place === 0;
  const cells = own.map((column) =>
    element(
      `td${column.isText ? "" : ".number"}`,
      { title: columns.doubt(column, row) },
      columns.written(column, row),
      column.interval && element("span.interval95", {}, columns.interval95(column, row)),
    ),
  );
  return element(
    `tr.${row.state}${chosen ? ".chosen" : ""}${row === model.winner ? ".first" : ""}`,
    {
      tabindex: isActive ? 0 : -1,
      "aria-rowindex": place + 2,
      "aria-selected": String(chosen),
      "data-key": row.key,
    },
    cells,
  );
}

export function listen() {
  byId("table-frame").addEventListener("scroll", () => requestAnimationFrame(redraw), {
    passive: true,
  });
  byId("table").tBodies[0].addEventListener("click", (event) => open(event, false));
  byId("table").tBodies[0].addEventListener("keydown", pressKey);
  byId("csv").addEventListener("click", download);
  new ResizeObserver(redraw).observe(byId("table-frame"));
}

/** @param {string} selector @param {FocusOptions} [options] */
function focus(selector, options) {
  const found = /** @type {HTMLElement | null} */ (byId("table").querySelector(selector));
  found?.focus(options);
}

/** The key of the row that an event is in. @param {Event} event */
const keyOf = (event) => /** @type {HTMLElement} */ (event.target).closest("tr")?.dataset.key;

/** @param {MouseEvent | KeyboardEvent} event @param {boolean} byKey */
function open(event, byKey) {
  const row = store.find(keyOf(event));
  if (!row) return;
  active = row.key;
  candidate.select(row, isBeside(event), byKey);
}

/** @param {KeyboardEvent} event */
function pressKey(event) {
  const page = Math.floor(byId("table-frame").clientHeight / ROW_PX) - 2;
  /** @type {{[key: string]: number}} */
  const moves = {
    ArrowDown: 1,
    ArrowUp: -1,
    PageDown: page,
    PageUp: -page,
    Home: -Infinity,
    End: Infinity,
  };
  if (event.key === "Enter" || event.key === " ") open(event, true);
  else if (event.key in moves) goTo(keyOf(event), moves[event.key]);
  else return;
  event.preventDefault();
}

/** @param {string | undefined} key @param {number} by */
function goTo(key, by) {
  const now = rows.findIndex((row) => row.key === key);
  const next = Math.min(rows.length - 1, Math.max(0, now + by));
  active = rows[next].key;
  const frame = byId("table-frame");
  const top = next * ROW_PX;
  const room = frame.clientHeight - 2 * ROW_PX;
  if (top < frame.scrollTop) frame.scrollTop = top;
  if (top > frame.scrollTop + room) frame.scrollTop = top - room;
  redraw();
  focus("tr[tabindex='0']", { preventScroll: true });
}

/** What is shown, in its order and units. */
function download() {
  const all = columns.all();
  const head = all.map((column) => column.label);
  const body = rows.map((row) => all.map((column) => column.value(row) ?? ""));
  save(
    "candidates.csv",
    [head, ...body].map((cells) => `${cells.map(quoted).join(",")}\r\n`).join(""),
    "text/csv",
  );
}

/**
 * A cell as RFC 4180 has it; a leading sign would make a formula of a stranger's text.
 * @param {unknown} value
 */
function quoted(value) {
  const text =
    typeof value === "string" && /^[=+\-@\t]/.test(value) ? `'${value}` : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
