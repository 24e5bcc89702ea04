/** All learning curves, one over the other: the stopped and the failed too, running ones as they go. */

import * as candidate from "./candidate.js";
import * as charts from "./charts.js";
import * as columns from "./columns.js";
import { byId } from "./dom.js";
import { fixed } from "./format.js";
import * as groups from "./groups.js";
import { model } from "./model.js";

/**
 * A candidate's curve in percent, with what the search has heard of one that runs.
 * @param {Row} row @returns {Member}
 */
export function curveOf(row) {
  const soFar = row.state === "running" && row.run.running?.find(({ number }) => number === row.number);
  if (soFar)
    return {
      row,
      x: soFar.curve.map(([epoch]) => epoch),
      y: soFar.curve.map(([, , accuracy]) => 100 * accuracy),
    };
  return {
    row,
    x: row.curve.map((_, at) => at + 1),
    y: row.curve.map((accuracy) => (accuracy === null ? null : 100 * accuracy)),
  };
}

/** Draws them where there are any. */
export function draw() {
  const curves = model.ranked.map(curveOf).filter(({ y }) => y.some((value) => value !== null));
  byId("learning").hidden = curves.length === 0;
  if (curves.length === 0) return;
  charts.draw(byId("learning-curves"), {
    x: { title: "epoch", isWhole: true },
    y: { title: columns.find("accuracy").label },
    open: candidate.select,
    marks: groups.marks(curves, "lines", said),
  });
}

/** @param {Row} row @param {number} at */
function said(row, at) {
  const { x, y } = curveOf(row);
  return `${groups.told(row)}\nepoch ${x[at]}: ${fixed(2)(y[at])} %`;
}
