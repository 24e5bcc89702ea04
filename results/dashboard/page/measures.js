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
    rows.length > 1 ? difference(column, rows) : interval(column, rows[0]),
  );
}

/** @param {Column} column @param {Row} row */
function interval(column, row) {
  return element("td.number.muted", {}, columns.interval95(column, row));
}

/**
 * In percent where there is a ratio, of accuracies in points, with a word on which is better. Step
 * times in ms were measured at other times, so only S/S0 tells which is faster.
 * @param {Column} column @param {Row[]} rows
 */
function difference(column, rows) {
  const [a, b] = rows.map(column.value);
  const written = [a, b].map(column.format);
  if (written[0] === written[1]) return element("td.number.muted", {}, "same");
  if (!a || b === null) return element("td");
  const share = `${b > a ? "+" : "−"}${size(column, a, b)}`;
  return element("td.number", {}, element("mark", {}, share), ` ${verdict(column, rows)}`);
}

/** A share of a reward at or below 0 would mean nothing. @param {Column} column @param {number} a @param {number} b */
function size({ id, format }, a, b) {
  if (id === "accuracy") return `${format(Math.abs(b - a))} points`;
  return a > 0 && b >= 0 ? `${Math.abs(100 * (b / a - 1)).toFixed(1)} %` : format(Math.abs(b - a));
}

/** @param {Column} column @param {Row[]} rows */
function verdict(column, rows) {
  if (!column.better || column.id === "step_ms") return "";
  const [a, b] = rows.map(column.value);
  const [one, other] = rows.map((row) => column.interval?.(row));
  if (one && other && one[0] <= other[1] && other[0] <= one[1]) return "intervals overlap";
  return (column.better === "low") === b < a ? "better" : "worse";
}
