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
export function sizes(rows) {
  /** @type {Row[]} */
  let kept = [];
  return rows.map((row) => {
    if (row.logs && !kept.some((other) => dominates(other, row))) {
      kept = kept.filter((other) => !dominates(row, other));
      kept.push(row);
    }
    return kept.length;
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
