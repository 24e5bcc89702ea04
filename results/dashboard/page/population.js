/**
 * The population's error distribution functions, as in Radosavovic et al., "On Network Design Spaces
 * for Visual Recognition": what share of the candidates is below each error.
 */

import * as charts from "./charts.js";
import * as colours from "./colours.js";
import * as columns from "./columns.js";
import { byId, option } from "./dom.js";
import { count, plain } from "./format.js";
import { model } from "./model.js";
import { schedule } from "./schedule.js";
import { state } from "./state.js";
import * as store from "./store.js";

/** @type {("population" | "split")[]} */
const SELECTS = ["population", "split"];
const MOST_POINTS = 400;
const DASHES = ["solid", "dash", "dot", "dashdot"];

/** @returns {{[column: string]: string}} by column: its title */
function quantities() {
  const { title } = store.metric();
  const error = title === "accuracy" ? "error (%)" : `100 - ${title} (%)`;
  return { accuracy: error, reward: "reward", step: "S/S0" };
}

export function listen() {
  for (const name of SELECTS) {
    byId(name).addEventListener("change", () => {
      state[name] = byId(name).value;
      schedule("population");
    });
  }
}

export function draw() {
  const splits = [
    columns.find("run"),
    ...columns.all().filter((column) => column.id.includes(".")),
  ];
  const split = splits.find((column) => column.id === state.split) ?? splits[0];
  const titles = quantities();
  const quantity = Object.hasOwn(titles, state.population)
    ? state.population
    : "accuracy";
  byId("population").replaceChildren(
    ...Object.entries(titles).map(([id, label]) => option(id, label, quantity)),
  );
  byId("split").replaceChildren(...splits.map(({ id, label }) => option(id, label, split.id)));
  const column = columns.find(quantity);
  /** @type {Column["value"]} */
  const value = quantity === "accuracy" ? (row) => 100 * (1 - row.accuracy) : column.value;
  const rows = model.shown.filter(
    (row) => row.state === "complete" && column.value(row) !== null,
  );
  const groups = [...new Set(rows.map(split.value))].sort(colours.inOrder);
  const colour = colours.categoryColours(split);
  const traces = groups.map((name, place) => {
    const values = rows.filter((row) => split.value(row) === name).map(value);
    return distribution(values, name, {
      color: colour(name, place),
      dash: DASHES[place % DASHES.length],
    });
  });
  charts.chart(byId("distribution"), traces, {
    x: { title: titles[quantity] },
    y: { title: "share of candidates below (%)", range: [0, 102] },
  });
}

/** @param {number[]} values @param {Option | null} name @param {object} line */
function distribution(values, name, line) {
  const ordered = Float64Array.from(values).sort();
  const points = Math.min(ordered.length, MOST_POINTS);
  const shares = Array.from({ length: points }, (_, point) => (point + 1) / points);
  return {
    x: [ordered[0], ...shares.map((share) => ordered[Math.ceil(share * ordered.length) - 1])],
    y: [0, ...shares.map((share) => 100 * share)],
    name: plain(`${name ?? "left out"} (${count(ordered.length)})`),
    mode: "lines",
    line: { shape: "hv", width: 2, ...line },
  };
}
