/** Pareto fronts. */

/**
 * The complete rows that none dominates in two columns, in the order of x; equals stay together.
 * @param {Row[]} rows @param {Column} x @param {Column} y with a better side each
 */
export function front(rows, x, y) {
  if (!x.better || !y.better || x.id === y.id) return [];
  const points = losses(rows, x, y).sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  const kept = [];
  let last = [-Infinity, Infinity];
  for (const [lossX, lossY, row] of points) {
    const isEqual = lossX === last[0] && lossY === last[1];
    if (lossY >= last[1] && !isEqual) continue;
    kept.push(row);
    last = [lossX, lossY];
  }
  return x.better === "low" ? kept : kept.reverse();
}

/**
 * [x, y, row] with both to be low.
 * @type {(rows: Row[], x: Column, y: Column) => [number, number, Row][]}
 */
function losses(rows, x, y) {
  const [signX, signY] = [x, y].map((column) => (column.better === "low" ? 1 : -1));
  const isKnown = (/** @type {Row} */ row) => x.value(row) !== null && y.value(row) !== null;
  return rows
    .filter((row) => row.state === "complete" && row.confirms === null && isKnown(row))
    .map((row) => [signX * x.value(row), signY * y.value(row), row]);
}

/**
 * How many are on the front of accuracy and S/S0 after each candidate of a sequence.
 * @param {Row[]} rows @returns {number[]}
 */
export const sizes = (rows) => after(rows, (kept) => kept.length);

/**
 * The hypervolume of accuracy and S/S0 after each candidate of a sequence: of the rectangle between
 * the worst and the best, the share that those so far dominate. S/S0 counts by its logarithm.
 * @param {Row[]} rows @param {Row[]} [among] whose worst and best count, such as those of several runs
 * @returns {number[]} each in [0, 1]
 */
export function volumes(rows, among = rows) {
  const known = among.filter((row) => row.logs);
  const [fastest, slowest] = ends(known.map(logStep));
  const [lowest, highest] = ends(known.map((row) => row.accuracy));
  const whole = (slowest - fastest) * (highest - lowest);
  return after(rows, (kept) => {
    if (!(whole > 0)) return 0;
    const front = kept.toSorted((a, b) => logStep(a) - logStep(b));
    const dominated = front.map((row, place) => {
      const next = place + 1 < front.length ? logStep(front[place + 1]) : slowest;
      return (next - logStep(row)) * (row.accuracy - lowest);
    });
    return dominated.reduce((sum, area) => sum + area, 0) / whole;
  });
}

/** @param {Row} row */
const logStep = (row) => row.logs[1];

/** @param {number[]} values @returns {[number, number]} */
function ends(values) {
  return [
    values.reduce((least, value) => Math.min(least, value), Infinity),
    values.reduce((most, value) => Math.max(most, value), -Infinity),
  ];
}

/**
 * A measure of the front after each candidate; computed only where the front changes.
 * @param {Row[]} rows @param {(kept: Row[]) => number} measure @returns {number[]}
 */
function after(rows, measure) {
  /** @type {Row[]} */
  let kept = [];
  let value = 0;
  return rows.map((row) => {
    if (row.logs && !kept.some((other) => dominates(other, row))) {
      kept = kept.filter((other) => !dominates(row, other));
      kept.push(row);
      value = measure(kept);
    }
    return value;
  });
}

/** @param {Row} a @param {Row} b */
function dominates(a, b) {
  const [accuracy, step] = [
    a.accuracy - b.accuracy,
    b.normalized_step_time - a.normalized_step_time,
  ];
  return accuracy >= 0 && step >= 0 && accuracy + step > 0;
}
