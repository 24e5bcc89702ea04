"use strict";

{
  /**
   * The complete rows that none dominates in two columns, in the order of x; equals stay together.
   * @param {Object[]} rows @param {Column} x @param {Column} y with a better side each
   */
  function front(rows, x, y) {
    if (!x.better || !y.better || x.id === y.id) return [];
    const loss = (column) => (column.better === "low" ? 1 : -1);
    const points = [];
    for (const row of rows) {
      if (row.state !== "complete") continue;
      const [a, b] = [x.value(row), y.value(row)];
      if (a !== null && b !== null) points.push([loss(x) * a, loss(y) * b, row]);
    }
    points.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
    const kept = [];
    let last = [-Infinity, Infinity];
    for (const point of points) {
      if (point[1] < last[1] || (point[0] === last[0] && point[1] === last[1])) {
        kept.push(point[2]);
        last = point;
      }
    }
    return x.better === "low" ? kept : kept.reverse();
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
    const [accuracy, step] = [a.accuracy - b.accuracy, b.normalized_step_time - a.normalized_step_time];
    return accuracy >= 0 && step >= 0 && accuracy + step > 0;
  }

  nas.front = { front, sizes };
}
