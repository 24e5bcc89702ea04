/** What the plot's colours and symbols mean, and how many are not in it. */

import * as cloud from "./cloud.js";
import { DOUBTFUL } from "./cloud.js";
import * as colours from "./colours.js";
import * as columns from "./columns.js";
import { byId, drawn, element } from "./dom.js";
import { count } from "./format.js";
import { model, plotted } from "./model.js";
import { show } from "./schedule.js";
import { STATES, state } from "./state.js";
import * as store from "./store.js";

let last = "";

/** @param {Colouring} colour */
export function draw(colour) {
  const column = cloud.colourColumn();
  const counts = counted();
  const key = JSON.stringify([
    column.id,
    colour.low,
    colour.high,
    colour.values,
    counts,
    state.x,
    state.y,
  ]);
  if (key === last) return;
  last = key;
  byId("legend").replaceChildren(
    colour.values ? categories(column, colour) : scale(column, colour),
    frontKey(),
    ...intervalKeys(),
    ...symbols(counts),
    undrawn() ?? "",
  );
}

/** How many are shown of each state. @typedef {{[state: string]: number}} Counts */

function counted() {
  /** @type {Counts} */
  const counts = {};
  for (const { state } of model.shown) counts[state] = (counts[state] ?? 0) + 1;
  return counts;
}

/** @param {Column} column @param {Colouring} colour of numbers */
export function scale(column, { low, high, cut }) {
  const ramp = element("span.ramp");
  ramp.style.background = `linear-gradient(to right, ${colours.SCALE.join(",")})`;
  return element(
    "span.key",
    {},
    element("span.muted", {}, columns.title(column)),
    `${cut ? "≤ " : ""}${column.format(low)}`,
    ramp,
    column.format(high),
  );
}

/** @param {Column} column @param {Colouring} colour */
function categories(column, { values }) {
  const chips = values.slice(0, 8).map(([value, colour]) => {
    const dot = element("span.dot");
    dot.style.background = colour;
    return element("span.key", {}, dot, column.format(value));
  });
  const more = values.length > 8 && element("span.muted", {}, `and ${values.length - 8} more`);
  return element(
    "span.keys",
    {},
    element("span.muted", {}, columns.title(column)),
    ...chips,
    more,
  );
}

function frontKey() {
  const several = store.areSeveral();
  const count = model.onFront.size;
  return element(
    "span.key",
    {},
    element("span.line", { hidden: several }),
    `Pareto front ${count}`,
  );
}

/** What the thin bars are, and the dashed ones. */
function intervalKeys() {
  const shown = plotted();
  const { shown: rows } = model;
  const hasBars = rows.some((row) => shown.some((column) => column.interval?.(row)));
  const isDashed = rows.some((row) => shown.some((column) => columns.doubt(column, row) !== null));
  return [
    hasBars && element("span.key", {}, barKey("M6 1V11M1 6H11", null), "95 % interval"),
    isDashed && element("span.key", {}, barKey("M0 6H12", DOUBTFUL.join(" ")), "unsteady"),
  ].filter(Boolean);
}

/** @param {string} d @param {string | null} dash */
const barKey = (d, dash) =>
  drawn(
    "svg.symbol",
    { viewBox: "0 0 12 12", "aria-hidden": "true" },
    drawn("path", { d, "stroke-dasharray": dash }),
  );

/** @param {Counts} counts */
function symbols(counts) {
  return STATES.filter((state) => state !== "complete" && counts[state]).map((state) =>
    element("span.key", {}, symbol(state), `${state} ${count(counts[state])}`),
  );
}

/** @type {{[state: string]: string}} */
const SHAPES = {
  failed: "M2 2L10 10M2 10L10 2",
  infeasible: "M2 2H10L6 10Z",
  stopped: "M2 2H10V10H2Z",
  running: "M10 6A4 4 0 1 1 6 2",
  duplicate: "M6 1L11 6L6 11L1 6Z",
};

/** @param {State} state */
export function symbol(state) {
  return drawn(
    `svg.symbol.${state}`,
    { viewBox: "0 0 12 12", "aria-hidden": "true" },
    drawn("path", { d: SHAPES[state] }),
  );
}

/** Those that have no place on the axes stand in the table alone. */
function undrawn() {
  const [x] = plotted();
  const missing = model.shown.filter((row) => x.value(row) === null).length;
  if (!missing) return null;
  const turn = () => show("table");
  const text = `${count(missing)} without ${columns.title(x)}: in the table`;
  return element("button.link", { type: "button", onclick: turn }, text);
}
