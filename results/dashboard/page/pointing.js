/** Pointing at candidates in the plot, with a mouse, a finger or the keyboard. */

import * as candidate from "./candidate.js";
import * as cloud from "./cloud.js";
import * as columns from "./columns.js";
import * as dragging from "./dragging.js";
import { announce, byId, element, isBeside } from "./dom.js";
import { model } from "./model.js";
import * as plot from "./plot.js";
import { state } from "./state.js";
import * as store from "./store.js";

/** @type {{[pointer: string]: number}} */
const REACH_PX = { mouse: 8, touch: 22, pen: 12 };

export function listen() {
  const canvas = byId("cloud");
  canvas.addEventListener("pointermove", (event) => point(at(event)));
  canvas.addEventListener("pointerleave", () => point(null));
  dragging.listen(canvas, press);
  byId("plot-frame").addEventListener("keydown", pressKey);
  byId("plot-frame").addEventListener("blur", () => point(null));
}

/** @param {PointerEvent} event */
function at(event) {
  const box = byId("cloud").getBoundingClientRect();
  return cloud.nearest(
    event.clientX - box.left,
    event.clientY - box.top,
    REACH_PX[event.pointerType] ?? 8,
  );
}

/** A press without a drag. @param {PointerEvent} start @param {PointerEvent} event */
function press(start, event) {
  const found = at(start);
  if (!found) return;
  if (found.row.key) candidate.select(found.row, isBeside(event));
  else point(found);
}

/** Shows what a point is. @param {Point | null} found */
function point(found) {
  const row = found?.row ?? null;
  byId("cloud").classList.toggle("pointing", Boolean(row?.key));
  if (row === state.pointed) return;
  state.pointed = row;
  showTip(found);
  plot.drawCloud();
}

/** @param {Point | null} found */
function showTip(found) {
  const tip = byId("tip");
  tip.hidden = !found;
  if (!found) return;
  tip.replaceChildren(
    ...lines(found.row).map(([text, kind]) => element(`div${kind ? `.${kind}` : ""}`, {}, text)),
  );
  const room = byId("cloud").getBoundingClientRect();
  const isLeft = found.x > room.width / 2;
  const isUp = found.y > room.height / 2;
  tip.style.left = `${found.x + (isLeft ? -14 - tip.offsetWidth : 14)}px`;
  tip.style.top = `${found.y + (isUp ? -10 - tip.offsetHeight : 10)}px`;
}

const SHOWN = [
  "accuracy",
  "step_ms",
  "step",
  "parameters",
  "multiply_adds",
  "memory",
  "throughput",
  "inference",
];

/** What a tip says: [text, class] a line. @param {Row} row */
function lines(row) {
  const several = store.areSeveral() ? `, ${row.run.label}` : "";
  const head = `${row.key ? store.title(row) : row.name}${several}`;
  const said = [[head, "head"]];
  if (row.key && row.state !== "complete")
    said.push([[row.state, row.cause, row.detail].filter(Boolean).join(": "), "bad"]);
  if (row.reward !== null) said.push([`reward ${row.reward.toFixed(4)}`]);
  for (const id of SHOWN) {
    const column = columns.find(id);
    const value = column.value(row);
    if (value !== null && value !== undefined) said.push([measured(column, row)]);
  }
  if (row.unsteady) said.push([`~ unsteady: ${row.unsteady}`, "stages"]);
  if (row.key) said.push([row.stages, "stages"]);
  return said;
}

/** @param {Column} column @param {Row} row */
function measured(column, row) {
  const ends = columns.interval95(column, row);
  const range = ends ? ` (${ends})` : "";
  return `${columns.title(column)} ${columns.written(column, row)}${range}`;
}

/** @type {{[key: string]: ["x" | "y", number]}} */
const MOVES = {
  ArrowRight: ["x", 1],
  ArrowLeft: ["x", -1],
  ArrowUp: ["y", -1],
  ArrowDown: ["y", 1],
};

/** @param {KeyboardEvent} event */
function pressKey(event) {
  if (event.target !== byId("plot-frame")) return;
  const { zoomBy, zoomTo, ZOOM_STEP } = plot;
  /** @type {{[key: string]: () => void}} */
  const actions = {
    Enter: () => state.pointed?.key && candidate.select(state.pointed, event.shiftKey, true),
    Home: () => goTo(cloud.pointable().find((point) => point.row === model.winner)),
    "+": () => zoomBy(ZOOM_STEP),
    "-": () => zoomBy(1 / ZOOM_STEP),
    0: () => zoomTo(null),
  };
  const move = MOVES[event.key];
  if (move) goTo(neighbour(...move));
  else if (actions[event.key]) actions[event.key]();
  else return;
  event.preventDefault();
}

/**
 * The next one along an axis; the winner where none is pointed at.
 * @param {"x" | "y"} axis @param {number} direction
 */
function neighbour(axis, direction) {
  const ordered = [...cloud.pointable()].sort(
    (a, b) => a[axis] - b[axis] || a.row.number - b.row.number,
  );
  const now = ordered.findIndex((point) => point.row === state.pointed);
  if (now < 0) return ordered.find((point) => point.row === model.winner) ?? ordered[0];
  return ordered[Math.min(ordered.length - 1, Math.max(0, now + direction))];
}

/** @param {Point | undefined} found */
function goTo(found) {
  if (!found) return;
  point(found);
  announce(
    lines(found.row)
      .map(([text]) => text)
      .join(", "),
  );
}
