/**
 * The population's error distribution functions, as in Radosavovic et al., "On Network Design Spaces
 * for Visual Recognition": what share of the candidates is below each error.
 */

import * as charts from "./charts.js";
import * as colours from "./colours.js";
import * as columns from "./columns.js";
import { byId, option } from "./dom.js";
import { count, fixed } from "./format.js";
import { model } from "./model.js";
import { schedule } from "./schedule.js";
import { state } from "./state.js";
import * as store from "./store.js";

/** @type {("population" | "split")[]} */
const SELECTS = ["population", "split"];
const MOST_POINTS = 400;
const DASHES = [null, "7 4", "2 3", "7 3 2 3"];

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
  charts.draw(byId("distribution"), {
    x: { title: titles[quantity] },
    y: { title: "share of candidates below (%)", ends: [0, 102] },
    marks: groups.map((name, place) => {
      const values = rows.filter((row) => split.value(row) === name).map(value);
      const style = { colour: colour(name, place), dash: DASHES[place % DASHES.length] };
      return distribution(values, name, style);
    }),
  });
}

/**
 * @param {number[]} values @param {Option | null} name
 * @param {{colour: string, dash: string | null}} style @returns {Mark}
 */
function distribution(values, name, style) {
  const ordered = Float64Array.from(values).sort();
  const points = Math.min(ordered.length, MOST_POINTS);
  const shares = Array.from({ length: points }, (_, point) => (point + 1) / points);
  const x = [ordered[0], ...shares.map((share) => ordered[Math.ceil(share * ordered.length) - 1])];
  const y = [0, ...shares.map((share) => 100 * share)];
  const group = name ?? "left out";
  return {
    kind: "steps",
    name: `${group} (${count(ordered.length)})`,
    ...style,
    x,
    y,
    tip: (at) => `${group}: ${fixed(1)(y[at])} % below ${Number(x[at].toPrecision(4))}`,
  };
}
