/** The measurements of one candidate, or of two with the difference. */

import * as columns from "./columns.js";
import { element } from "./dom.js";

const SHOWN = [
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
  "training",
];

/** @param {Network[]} networks */
export function table(networks) {
  const two = networks.length > 1;
  const head = two ? ["measure", "A", "B", "B against A"] : ["measure", "measured", "95 % interval"];
  return element(
    "table.measures",
    {},
    element(
      "thead",
      {},
      element(
        "tr",
        {},
        head.map((text) => element("th", { scope: "col" }, text)),
      ),
    ),
    element(
      "tbody",
      {},
      SHOWN.map((id) =>
        line(
          columns.find(id),
          networks.map(({ row }) => row),
        ),
      ),
    ),
  );
}

/** @param {Column} column @param {Row[]} rows */
function line(column, rows) {
  const values = rows.map(column.value);
  if (values.every((value) => value === null)) return null;
  return element(
    "tr",
    {},
    element("th", { scope: "row" }, column.label),
    rows.map((row) =>
      element(
        "td.number",
        { title: columns.doubt(column, row) },
        columns.written(column, row),
      ),
    ),
    rows.length > 1 ? difference(column, values) : interval(column, rows[0]),
  );
}

/** @param {Column} column @param {Row} row */
function interval(column, row) {
  return element("td.number.muted", {}, columns.interval95(column, row));
}

/**
 * In percent where there is a ratio, with a sign that says which is the better side.
 * @param {Column} column @param {any[]} values
 */
function difference(column, [a, b]) {
  if (a === b) return element("td.number.muted", {}, "same");
  if (!a || b === null) return element("td");
  // A share of a reward at or below 0 would mean nothing.
  const size =
    a > 0 && b >= 0
      ? `${Math.abs(100 * (b / a - 1)).toFixed(1)} %`
      : column.format(Math.abs(b - a));
  const share = `${b > a ? "+" : "−"}${size}`;
  return element("td.number", {}, element("mark", {}, share), ` ${verdict(column, a, b)}`);
}

/** @param {Column} column @param {number} a @param {number} b */
function verdict({ better }, a, b) {
  if (!better) return "";
  return (better === "low") === b < a ? "better" : "worse";
}
