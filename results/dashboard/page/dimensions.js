/** The axes of the parallel coordinates: the choices of the spaces, and what was measured. */

import * as columns from "./columns.js";
import { MISSING, isNumber } from "./format.js";
import { named } from "./operators.js";
import * as store from "./store.js";
import { extent, padded, rounded, ticks, written } from "./ticks.js";

const MEASURES = ["step", "parameters", "accuracy", "reward"];
/** What fits above an axis. @type {{[id: string]: () => string}} */
const SHORT = { parameters: () => "params", accuracy: () => `${store.metric().short} %` };
const ROOM = 0.03; // of a measure's range, on either side
const TICKS = 6;
const FINENESS = 500; // limits are multiples of about this part of the range
const KEY_STEPS = 50; // of a range, by the keyboard
const BETWEEN_GROUPS = 0.3; // more than between the axes of a stage
const SPREAD = 0.64; // of an option's room, in which its candidates stand by their reward
/** Where the candidates without a value stand: below the axis, whose shares are from 0 to 1. */
export const NONE = -1;

/** One axis each choice that has options, then the measures. @param {Row[]} rows @returns {Dimension[]} */
export const dimensions = (rows) => [
  ...store.parameters().filter(({ options }) => options.length > 1).map(choice),
  ...MEASURES.map((id) => measure(columns.find(id), rows)),
];

/** @param {Choice} parameter @returns {Dimension} */
function choice(parameter) {
  const { name, stage, options } = parameter;
  const kind = parameter.choice || name;
  const short = (/** @type {Option} */ option) => (kind === "operator" ? named(String(option)).short : String(option));
  return {
    id: name,
    group: stage ? `stage ${stage}` : "choices",
    title: kind.replaceAll("_", " "),
    label: name.replace(/^stage(\d+)\./, "stage $1 ").replaceAll("_", " "),
    isChoice: true,
    ends: [-0.5, options.length - 0.5],
    step: 1,
    keyStep: 1,
    ticks: options.map((option, at) => ({ at, text: short(option) })),
    value: (row) => store.placeOf(row, parameter),
    text: (place) => (place === null ? MISSING : String(options[place])),
  };
}

/** @param {Column} column @param {Row[]} rows @returns {Dimension} */
function measure(column, rows) {
  const ends = padded(extent(rows.map(column.value).filter(isNumber)) ?? [0, 1], ROOM);
  const step = rounded((ends[1] - ends[0]) / FINENESS);
  const places = ticks(ends, TICKS);
  const texts = written(places);
  return {
    id: column.id,
    group: "measures",
    title: SHORT[column.id]?.() ?? columns.title(column),
    label: column.menu ?? column.label,
    isChoice: false,
    ends,
    step,
    keyStep: rounded((ends[1] - ends[0]) / KEY_STEPS),
    ticks: places.map((at, place) => ({ at, text: texts[place] })),
    value: column.value,
    text: column.format,
  };
}

/**
 * Where each axis stands, in units of the room between two axes of a stage; the first at 0.
 * @param {Dimension[]} own
 */
export function positions(own) {
  let at = 0;
  return own.map(({ group }, place) => {
    if (place) at += group === own[place - 1].group ? 1 : 1 + BETWEEN_GROUPS;
    return at;
  });
}

/** A value's place on its axis, from 0 below to 1 above. @param {Dimension} dimension @param {number} value */
export const share = ({ ends: [low, high] }, value) => (value - low) / (high - low);

/** The value at a share of an axis, within its ends. @param {Dimension} dimension @param {number} at */
export const valueAt = ({ ends: [low, high] }, at) => low + Math.min(1, Math.max(0, at)) * (high - low);

/**
 * Where each candidate's line crosses each axis, as shares. Those that took the same option stand side
 * by side, the higher rewards of a run above.
 * @param {Dimension[]} own @param {Row[]} rows those that are drawn @param {Row[]} all @returns {Member[]}
 */
export function members(own, rows, all) {
  const ranks = ranksOf(all);
  const x = own.map((_, place) => place);
  return rows.map((row) => {
    const offset = SPREAD * ((ranks.get(row) ?? 0) - 0.5);
    const y = own.map((dimension) => {
      const value = dimension.value(row);
      return value === null ? NONE : share(dimension, value + (dimension.isChoice ? offset : 0));
    });
    return { row, x, y };
  });
}

/** A candidate's rank by reward in its own run, from 0 to 1, since not all runs compare. @param {Row[]} all */
function ranksOf(all) {
  /** @type {Map<Row, number>} */
  const ranks = new Map();
  for (const run of new Set(all.map((row) => row.run))) {
    const own = all.filter((row) => row.run === run && row.reward !== null);
    byReward(own).forEach((row, rank) => ranks.set(row, (rank + 0.5) / own.length));
  }
  return ranks;
}

/** From those without a reward to the highest. @param {Row[]} rows */
export const byReward = (rows) =>
  rows.toSorted((a, b) => (a.reward ?? -Infinity) - (b.reward ?? -Infinity) || a.number - b.number);

/**
 * So many of them, evenly over their rewards, and the highest one.
 * @param {Row[]} rows @param {number} most at least 2
 */
export function thinned(rows, most) {
  if (rows.length <= most) return rows;
  const ordered = byReward(rows);
  return Array.from({ length: most }, (_, at) => ordered[Math.round((at * (rows.length - 1)) / (most - 1))]);
}

/**
 * The limits between two values of an axis, as the filters have them: of a choice the places of its
 * options, else rounded; null at an end of the axis, and null instead of both where nothing is limited.
 * @param {Dimension} dimension @param {number} from @param {number} to @returns {Limits | null}
 */
export function limits({ ends, step, isChoice }, from, to) {
  const [low, high] = [Math.min(from, to), Math.max(from, to)];
  const [first, last] = isChoice ? [ends[0] + 0.5, ends[1] - 0.5] : ends;
  const slack = step / 2;
  /** @type {Limits} */
  const found = [
    low >= first + slack ? tidy(low, step) : null,
    high < last - slack ? tidy(high, step) : null,
  ];
  return found[0] === null && found[1] === null ? null : found;
}

/** The nearest multiple of a step. @param {number} value @param {number} step */
const tidy = (value, step) => Number((Math.round(value / step) * step).toPrecision(12));

/**
 * The values at which limits begin and end, whether there are any or not.
 * @param {Dimension} dimension @param {Limits | undefined} given @returns {Ends}
 */
export function edges({ ends, isChoice }, given) {
  const [first, last] = isChoice ? [ends[0] + 0.5, ends[1] - 0.5] : ends;
  return [Math.max(first, given?.[0] ?? first), Math.min(last, given?.[1] ?? last)];
}
