/** Colours of values, runs, operators and of the theme. */

import { isNumber } from "./format.js";
import * as operators from "./operators.js";
import * as store from "./store.js";

// Viridis at tenths (van der Walt and Smith, 2015), readable by the colour-blind and in grey.
const VIRIDIS = [
  [68, 1, 84],
  [72, 36, 117],
  [65, 68, 135],
  [53, 95, 141],
  [42, 120, 142],
  [33, 145, 140],
  [34, 168, 132],
  [68, 191, 112],
  [122, 209, 81],
  [189, 223, 38],
  [253, 231, 37],
];
// Okabe and Ito, 2008, in an order whose neighbours differ most; black follows the theme's text.
const CATEGORIES = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442"];
const STEPS = 64;

export const SCALE = Array.from({ length: STEPS }, (_, step) => mixed(step / (STEPS - 1)));

/** @param {number} share */
function mixed(share) {
  const at = share * (VIRIDIS.length - 1);
  const low = Math.min(Math.floor(at), VIRIDIS.length - 2);
  /** @param {number} of */
  const channel = (of) =>
    Math.round(VIRIDIS[low][of] + (at - low) * (VIRIDIS[low + 1][of] - VIRIDIS[low][of]));
  return `rgb(${channel(0)},${channel(1)},${channel(2)})`;
}

/** One of 64 colours. @param {number} share in [0, 1], cut to it */
function sequential(share) {
  return SCALE[Math.round((STEPS - 1) * Math.min(1, Math.max(0, share)))];
}

/** @param {number} place of a category; from the eighth on they repeat */
export const category = (place) => CATEGORIES[place % CATEGORIES.length];

/** The same everywhere. @param {Run} run */
export const ofRun = (run) => category(run.id);

const themed = new Map();

/** A colour of the style sheet's theme, such as "text". @param {string} name */
export function theme(name) {
  if (!themed.has(name)) {
    const style = getComputedStyle(document.documentElement);
    themed.set(name, style.getPropertyValue(`--${name}`).trim());
  }
  return themed.get(name);
}

/** The page's font, as a canvas has it. @param {number} size in pixels @param {string} [weight] */
export function font(size, weight = "400") {
  if (!themed.has("font")) themed.set("font", getComputedStyle(document.body).fontFamily);
  return `${weight} ${size}px ${themed.get("font")}`;
}

/** Calls back when the reader's system turns light or dark. @param {() => void} changed */
export function onTheme(changed) {
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    themed.clear();
    changed();
  });
}

/**
 * How a column colours rows.
 * @param {Row[]} rows @param {Column} column
 * @returns {Colouring}
 */
export function colouring(rows, column) {
  return column.isText ? byCategory(rows, column) : byNumber(rows, column);
}

/** @param {Row[]} rows @param {Column} column @returns {Colouring} */
function byCategory(rows, column) {
  const values = [...new Set(rows.map(column.value))]
    .filter((value) => value !== null)
    .sort(inOrder);
  const colour = categoryColours(column);
  const places = new Map(values.map((value, place) => [value, colour(value, place)]));
  const none = theme("muted");
  return { values: [...places], of: (row) => places.get(column.value(row)) ?? none };
}

/**
 * The colours of a column's values: an operator and a run have theirs wherever they are.
 * @param {Column} column @returns {(value: any, place: number) => string}
 */
export function categoryColours(column) {
  if (column.id.endsWith(".operator")) return operators.colourOf;
  if (column.id !== "run") return (_, place) => category(place);
  const runs = new Map(store.runs.map((run) => [run.label, run]));
  return (label) => ofRun(runs.get(label));
}

/** @param {Option} a @param {Option} b */
export const inOrder = (a, b) =>
  typeof a === "number" ? a - Number(b) : String(a).localeCompare(String(b));

/**
 * The lowest twentieth shares a colour, since a few that failed to learn would take them all.
 * @param {Row[]} rows @param {Column} column
 */
function byNumber(rows, column) {
  const values = Float64Array.from(rows.map(column.value).filter(isNumber)).sort();
  const low = values[Math.floor(values.length / 20)] ?? 0;
  const high = values.at(-1) ?? 1;
  const width = high - low || 1;
  const none = theme("muted");
  const of = (/** @type {Row} */ row) => {
    const value = column.value(row);
    return value === null ? none : sequential((value - low) / width);
  };
  return { of, low, high, cut: values[0] < low };
}
