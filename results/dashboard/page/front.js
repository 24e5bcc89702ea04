"use strict";

{
  /**
   * The complete rows that none dominates in two columns, in the order of x; equals stay together.
   * @param {Object[]} rows @param {Column} x @param {Column} y with a better side each
   */
  function front(rows, x, y) {
    if (!x.better || !y.better || x.id === y.id) return [];
    const points = losses(rows, x, y).sort((a, b) => a[0] - b[0] || a[1] - b[1]);
    const kept = [];
    let last = [-Infinity, Infinity];
    for (const point of points) {
      const isEqual = point[0] === last[0] && point[1] === last[1];
      if (point[1] >= last[1] && !isEqual) continue;
      kept.push(point[2]);
      last = point;
    }
    return x.better === "low" ? kept : kept.reverse();
  }

  /** [x, y, row] with both to be low. */
  function losses(rows, x, y) {
    const [signX, signY] = [x, y].map((column) => (column.better === "low" ? 1 : -1));
    const isKnown = (row) => x.value(row) !== null && y.value(row) !== null;
    return rows
      .filter((row) => row.state === "complete" && row.confirms === null && isKnown(row))
      .map((row) => [signX * x.value(row), signY * y.value(row), row]);
  }

  /**
   * How many are on the front of accuracy and S/S0 after each candidate of a sequence.
   * @param {Object[]} rows @returns {number[]}
   */
  function sizes(rows) {
    let kept = [];
    return rows.map((row) => {
      if (row.logs && !kept.some((other) => dominates(other, row))) {
        kept = kept.filter((other) => !dominates(row, other));
        kept.push(row);
      }
      return kept.length;
    });
  }

  function dominates(a, b) {
    const [accuracy, step] = [
      a.accuracy - b.accuracy,
      b.normalized_step_time - a.normalized_step_time,
    ];
    return accuracy >= 0 && step >= 0 && accuracy + step > 0;
  }

  nas.front = { front, sizes };
}
