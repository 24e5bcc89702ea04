/**
 * The search: words that all must be found, and conditions such as `stage2=fused`, `state:failed`,
 * `accuracy>93` or `parameters<20k`. A minus sign turns a word or a condition round.
 */

import * as columns from "./columns.js";
import { isNumber } from "./format.js";
import * as store from "./store.js";

const CONDITION = /^([\w.-]+?)(>=|<=|[=:><])(.+)$/;
const LEAST_HASH = 8; // letters and digits of a hash; fewer would be found by chance
/** @type {{[prefix: string]: number}} */
const PREFIXES = { k: 1e3, m: 1e6, g: 1e9, t: 1e12 };
/** Columns by what people call them. @type {{[name: string]: string}} */
const NAMES = {
  candidate: "number",
  no: "number",
  "s/s0": "step",
  params: "parameters",
  architecture: "architecture_id",
  hash: "architecture_id",
};
const TEXTS = ["state", "cause", "worker", "device", "run", "stages"];

/** Whether a row is found. @typedef {(row: Row) => boolean} Predicate */

/** What a text asks for; an empty one is met by all. @param {string} text @returns {Predicate} */
export function predicate(text) {
  const terms = text.trim().toLowerCase().split(/\s+/).filter(Boolean).map(term);
  return (row) => terms.every((holds) => holds(row));
}

/** @param {string} text @returns {Predicate} */
function term(text) {
  if (text.startsWith("-") && text.length > 1) {
    const holds = term(text.slice(1));
    return (row) => !holds(row);
  }
  const [, name, sign, value] = text.match(CONDITION) ?? [];
  return (name && condition(name, sign, value)) || word(text);
}

/** A number is a candidate's; other words are parts of texts. @param {string} text @returns {Predicate} */
function word(text) {
  if (/^#?\d+$/.test(text)) {
    const number = Number(text.replace("#", ""));
    return (row) => row.number === number;
  }
  const isHash = text.length >= LEAST_HASH;
  return (row) => words(row).includes(text) || (isHash && row.architecture_id.startsWith(text));
}

/** @param {Row} row */
function words(row) {
  row.searched ??= [...TEXTS.map((id) => columns.find(id).value(row)), row.worker, row.detail, row.unsteady]
    .join("\n")
    .toLowerCase();
  return row.searched;
}

/**
 * Null where there is no such name, as in a time of day.
 * @param {string} name @param {string} sign @param {string} value @returns {Predicate | null}
 */
function condition(name, sign, value) {
  const stage = name.match(/^stage\.?(\d+)$/)?.[1];
  if (stage) return ofStage(Number(stage), value);
  const id = NAMES[name] ?? name;
  const column = columns.find(id) ?? columns.all().find(({ label }) => label === id);
  if (!column) return null;
  const number = numberOf(value);
  if (number !== null && !isTextual(column)) return (row) => compared(column.value(row), sign, number);
  return (row) => matches(column.value(row), value);
}

/** Any choice of a stage, as `stage2=fused` or `stage2=5`. @param {number} stage @param {string} value @returns {Predicate} */
function ofStage(stage, value) {
  return (row) =>
    store.parameters().some((choice) => choice.stage === stage && matches(store.chosen(row, choice), value));
}

/** A choice is a number or a text, by its options. @param {Column} column */
const isTextual = (column) => Boolean(column.isText) && !column.id.includes(".");

/** With a unit's prefix, as 20k. @param {string} text */
function numberOf(text) {
  const [, digits, prefix] = text.match(/^(-?\d*\.?\d+)([kmgt]?)$/) ?? [];
  return digits === undefined ? null : Number(digits) * (PREFIXES[prefix] ?? 1);
}

/** @param {any} value @param {string} sign @param {number} number */
function compared(value, sign, number) {
  if (!isNumber(value)) return false;
  if (sign === ">") return value > number;
  if (sign === "<") return value < number;
  if (sign === ">=") return value >= number;
  if (sign === "<=") return value <= number;
  return value === number;
}

/** A text begins with it, or a word of it does: mbconv is not fused_mbconv. @param {Option | null} value @param {string} wanted */
function matches(value, wanted) {
  if (value === null) return false;
  const text = String(value).toLowerCase();
  return typeof value === "number" ? text === wanted : text.startsWith(wanted);
}
