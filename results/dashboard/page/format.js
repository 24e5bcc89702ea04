/** Numbers, times and other values as texts. */

export const MISSING = "–";
/** @type {[number, string][]} */
const PREFIXES = [
  [1e12, " T"],
  [1e9, " G"],
  [1e6, " M"],
  [1e3, " k"],
];

/** With a comma between thousands; not Intl, which takes long to start. @param {number} value @param {number} digits */
function written(value, digits) {
  const text = value.toFixed(digits);
  const sign = value < 0 && Number(text) !== 0 ? "-" : "";
  const [whole, part] = text.replace("-", "").split(".");
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ",");
  return sign + grouped + (part ? `.${part}` : "");
}

/** @param {number} digits after the point @returns {(value: unknown) => string} */
export const fixed = (digits) => (value) => isNumber(value) ? written(value, digits) : MISSING;

/** @param {unknown} value @returns {value is number} */
export function isNumber(value) {
  return typeof value === "number" && Number.isFinite(value);
}

/** @param {unknown} value */
export function count(value) {
  return isNumber(value) ? written(value, 0) : MISSING;
}

/** Three figures and a unit's prefix: 86.5 k, 21.5 M. @param {unknown} value */
export function short(value) {
  if (!isNumber(value)) return MISSING;
  const [size, prefix] = PREFIXES.find(([size]) => Math.abs(value) >= size) ?? [1, ""];
  return `${Number((value / size).toPrecision(3))}${prefix}`;
}

/** In the units of the terminal, and below a second in ms. @param {unknown} seconds */
export function duration(seconds) {
  if (!isNumber(seconds)) return MISSING;
  if (seconds < 1) return `${Math.round(1000 * seconds)} ms`;
  if (seconds < 90) return `${Number(seconds.toPrecision(2))} s`;
  if (seconds < 90 * 60) return `${Math.round(seconds / 60)} min`;
  if (seconds < 48 * 3600) return `${(seconds / 3600).toFixed(1)} h`;
  return `${(seconds / 86400).toFixed(1)} days`;
}

/**
 * Both ends, or one if both read alike; a unit that they share stands once: 25 to 31 min.
 * @param {Ends} ends @param {(value: number) => string} format
 */
export function range([low, high], format) {
  const [first, last] = [format(low), format(high)];
  if (first === last) return first;
  const unit = last.match(/ [a-z]+$/)?.[0];
  return `${unit && first.endsWith(unit) ? first.slice(0, -unit.length) : first} to ${last}`;
}

/** @param {number} amount in any currency */
export const money = (amount) => (amount < 10 ? fixed(2) : count)(amount);

/** @param {unknown} seconds since 1970 */
export function moment(seconds) {
  return isNumber(seconds)
    ? new Date(1000 * seconds).toLocaleString("en-GB", {
        dateStyle: "medium",
        timeStyle: "short",
      })
    : MISSING;
}

/** An exponent with a true minus sign. @param {number} value */
export function exponent(value) {
  const text = value.toFixed(3);
  return Number(text) === 0 ? "0" : text.replace("-", "−");
}
