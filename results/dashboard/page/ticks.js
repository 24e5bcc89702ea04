/** Round values along an axis, and their texts. */

import { short } from "./format.js";

const LARGE = 1e4; // from here on a unit's prefix stands for the zeros
const MOST_DECIMALS = 8;

/**
 * Round values within a range, about so many. Of a logarithmic axis the range's ends are exponents
 * of ten, the values are not.
 * @param {Ends} range @param {number} wanted at least 2 @param {boolean} [isLog]
 */
export function ticks([from, to], wanted, isLog = false) {
  if (!(to > from)) return [];
  if (isLog && to - from > 1) return decades(from, to);
  const [low, high] = isLog ? [10 ** from, 10 ** to] : [from, to];
  return multiples(low, high, rounded((high - low) / Math.max(2, wanted)));
}

/** Powers of ten; over few of them, also their double and fivefold. @type {(a: number, b: number) => number[]} */
function decades(from, to) {
  const powers = multiples(Math.floor(from), to, 1).map((power) => 10 ** power);
  const digits = to - from < 3 ? [1, 2, 5] : [1];
  return powers
    .flatMap((power) => digits.map((digit) => digit * power))
    .filter((value) => value >= 10 ** from && value <= 10 ** to);
}

/**
 * The multiples of a step within a range.
 * @param {number} low @param {number} high @param {number} step
 */
function multiples(low, high, step) {
  const slack = 1e-9; // of a step: 0.30000000000000004 is on an axis that ends at 0.3
  const first = Math.ceil(low / step - slack);
  const count = Math.max(0, Math.floor(high / step + slack) - first + 1);
  return Array.from({ length: count }, (_, place) => tidy((first + place) * step));
}

/** @param {number} value */
const tidy = (value) => Number(value.toPrecision(12));

/** 1, 2 or 5 times a power of ten, the nearest from above. @param {number} step */
export function rounded(step) {
  const power = 10 ** Math.floor(Math.log10(step));
  return tidy([1, 2, 5, 10].find((digit) => digit * power >= step * (1 - 1e-9)) * power);
}

/** The texts of an axis's values, with equally many decimals. @param {number[]} values */
export function written(values) {
  const decimals = values.reduce((most, value) => Math.max(most, decimalsOf(value)), 0);
  return values.map((value) =>
    Math.abs(value) >= LARGE ? short(value) : value.toFixed(decimals).replace("-", "−"),
  );
}

/** @param {number} value */
function decimalsOf(value) {
  let decimals = 0;
  while (decimals < MOST_DECIMALS && Math.abs(value - Number(value.toFixed(decimals))) > 1e-12)
    decimals++;
  return decimals;
}

/**
 * The least and the greatest of some values; null of none.
 * @param {Iterable<number>} values @returns {Ends | null}
 */
export function extent(values) {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return low <= high ? [low, high] : null;
}

/**
 * A range with room on both sides, also around a single value.
 * @param {Ends} ends @param {number} share of the range's width @returns {Ends}
 */
export function padded([low, high], share) {
  const pad = (high - low || Math.abs(high) || 1) * share;
  return [low - pad, high + pad];
}
