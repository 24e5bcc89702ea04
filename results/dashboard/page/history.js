/** The history of a search: every candidate's reward, as a point by its turn or time. */

import * as candidate from "./candidate.js";
import * as columns from "./columns.js";
import * as groups from "./groups.js";

/**
 * A chart of the rewards, but for the line of the best so far.
 * @param {Member[]} points one each candidate that has a reward @param {ChartAxis} x @returns {Chart}
 */
export const chart = (points, x) => ({
  x,
  y: { title: "reward" },
  open: candidate.select,
  marks: groups.marks(points, "points", said),
});

/** @param {Row} row */
function said(row) {
  const values = ["reward", "accuracy", "step"].map((id) => {
    const column = columns.find(id);
    return `${columns.title(column)} ${columns.written(column, row)}`;
  });
  return [groups.told(row), values.join(", ")].join("\n");
}
