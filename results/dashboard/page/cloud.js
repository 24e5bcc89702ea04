/** The candidates as points on a canvas over the plot's axes: 20,000 follow a slider at once. */

import * as colours from "./colours.js";
import * as columns from "./columns.js";
import { model } from "./model.js";
import { state } from "./state.js";
import * as store from "./store.js";

const SMALLEST_PX = 3; // radii
const LARGEST_PX = 10;
const CROWD = 3000; // from here on only the front's have error bars and outlines
const UPRIGHT_CROWD = 100; // and from here on upright bars, which are longer
const FEW = 250; // from here on points are smaller
const NARROW_PX = 520;
const REFERENCE_PX = 7;
const BEHIND = 0.7; // the opacity of what is not on the front, in a crowd
/** The dashes of a disturbed measurement's bar, as in the legend. */
export const DOUBTFUL = [3, 3];
const FADED = 0.22; // the opacity of what a filter leaves out

/** @type {Point[]} */
let points = [];
/** @type {unknown[]} */
let placedFor = [];

/**
 * @param {Pen} pen in CSS pixels
 * @param {Frame} frame where the axes are
 */
export function draw(pen, frame) {
  const { shown, onFront } = model;
  place(frame);
  const colour = colours.colouring(
    shown.filter((row) => row.state === "complete"),
    colourColumn(),
  );
  clip(pen, frame);
  const few = points.length <= CROWD;
  drawFaded(pen);
  drawBars(pen, frame);
  const candidates = points.filter((point) => point.row.key && !point.isFaded);
  pen.save();
  if (candidates.length > UPRIGHT_CROWD) pen.globalAlpha = BEHIND;
  drawPoints(
    pen,
    candidates.filter((point) => !onFront.has(point.row)),
    colour,
    few,
  );
  pen.restore();
  drawPoints(
    pen,
    candidates.filter((point) => onFront.has(point.row)),
    colour,
    true,
  );
  drawReferences(pen, frame);
  drawMarks(pen);
  pen.restore();
  drawNames(pen, frame);
  return colour;
}

/** Where everything is; a slider changes colours alone. @param {Frame} frame */
function place(frame) {
  const { ranked, shown, references } = model;
  const now = [frame, shown, state.size];
  if (now.every((one, at) => one === placedFor[at])) return;
  placedFor = now;
  const sizeOf = radii(ranked, frame);
  const isShown = (/** @type {Row} */ row) => !state.hidden.has(row.run.id);
  points = [
    ...ranked.map((row) => placed(row, frame, sizeOf)),
    ...references.filter(isShown).map((row) => placed(row, frame, () => REFERENCE_PX)),
  ].filter(Boolean);
}

export const colourColumn = () => columns.find(state.colour) ?? columns.find("reward");

/**
 * A little beyond the axes, so that a point on the edge is whole.
 * @param {Pen} pen @param {Frame} frame
 */
function clip(pen, { left, top, width, height }) {
  pen.save();
  pen.beginPath();
  pen.rect(left - 1, top - 12, width + 14, height + 13);
  pen.clip();
}

/** Radii so that areas grow with the quantity. @param {Row[]} rows @param {Frame} frame */
function radii(rows, frame) {
  const column = columns.find(state.size);
  const crowding = Math.min(1, Math.max(0.4, (FEW / rows.length) ** 0.25));
  const scale = crowding * (frame.width < NARROW_PX ? 0.75 : 1);
  if (!column || column.isText) return () => 6 * scale;
  let most = 0;
  for (const row of rows) most = Math.max(most, column.value(row) ?? 0);
  return (/** @type {Row} */ row) =>
    Math.max(SMALLEST_PX, LARGEST_PX * Math.sqrt((column.value(row) ?? 0) / most)) * scale;
}

/** @param {Row} row @param {Frame} frame @param {(row: Row) => number} sizeOf */
function placed(row, frame, sizeOf) {
  const [x, y] = frame.columns.map((column) => column.value(row));
  if (x === null) return null;
  const inStrip = y === null;
  if (inStrip && row.state === "reference") return null;
  const at = {
    row,
    inStrip,
    isFaded: model.faded.has(row),
    radius: inStrip ? 4 : sizeOf(row),
    x: frame.toX(x),
    y: inStrip ? frame.stripY(row.number) : frame.toY(y),
  };
  return frame.contains(at) ? at : null;
}

/** What a filter leaves out. @param {Pen} pen */
function drawFaded(pen) {
  const faded = points.filter(({ isFaded }) => isFaded);
  pen.save();
  pen.globalAlpha = FADED;
  pen.fillStyle = pen.strokeStyle = colours.theme("muted");
  for (const point of faded) {
    if (point.row.state === "complete") disc(pen, point);
    else symbol(pen, point);
  }
  pen.restore();
}

/** The 95 % intervals, dashed where the measurement was disturbed. @param {Pen} pen @param {Frame} frame */
function drawBars(pen, frame) {
  pen.save();
  pen.strokeStyle = colours.theme("bars");
  pen.lineWidth = 1;
  const barred = points.filter(({ isFaded }) => !isFaded);
  traceBars(pen, frame, barred.filter(({ row }) => !isDoubtful(row, frame)));
  pen.setLineDash(DOUBTFUL);
  pen.lineWidth = 1.5;
  traceBars(pen, frame, barred.filter(({ row }) => isDoubtful(row, frame)));
  pen.restore();
}

/** @param {Row} row @param {Frame} frame */
const isDoubtful = (row, frame) => frame.columns.some((column) => columns.doubt(column, row) !== null);

/** @param {Pen} pen @param {Frame} frame @param {Point[]} some */
function traceBars(pen, frame, some) {
  const [column, other] = frame.columns;
  const floor = frame.top + frame.height - frame.strip;
  pen.beginPath();
  for (const { row, x, y } of some) {
    const across = hasBar(row, CROWD) && column.interval?.(row);
    const up = hasBar(row, UPRIGHT_CROWD) && row.state === "complete" && other.interval?.(row);
    if (across) line(pen, frame.toX(across[0]), y, frame.toX(across[1]), y);
    if (up) line(pen, x, Math.min(floor, frame.toY(up[0])), x, frame.toY(up[1]));
  }
  pen.stroke();
}

/** In a crowd only the front and the winner. @param {Row} row @param {number} crowd */
const hasBar = (row, crowd) =>
  points.length <= crowd || model.onFront.has(row) || row === model.winner;

/** @type {(pen: Pen, x0: number, y0: number, x1: number, y1: number) => void} */
function line(pen, x0, y0, x1, y1) {
  pen.moveTo(x0, y0);
  pen.lineTo(x1, y1);
}

/**
 * By colour, since changing it costs more than a point does.
 * @param {Pen} pen @param {Point[]} some @param {Colouring} colour @param {boolean} outlined
 */
function drawPoints(pen, some, colour, outlined) {
  const filled = some.filter(({ row }) => row.state === "complete");
  const open = some.filter(({ row }) => row.state !== "complete");
  for (const [key, group] of grouped(filled, ({ row }) => colour.of(row))) {
    pen.fillStyle = key;
    for (const point of group) disc(pen, point);
  }
  pen.lineWidth = 1.5;
  const themed = (/** @type {Point} */ { row }) =>
    colours.theme(row.state === "failed" ? "bad" : "muted");
  for (const [key, group] of grouped(open, themed)) {
    pen.strokeStyle = key;
    for (const point of group) symbol(pen, point);
  }
  pen.lineWidth = 1;
  if (outlined) outline(pen, filled);
}

/** @param {Point[]} some @param {(point: Point) => string} keyOf */
function grouped(some, keyOf) {
  /** @type {Map<string, Point[]>} */
  const groups = new Map();
  for (const point of some) {
    const key = keyOf(point);
    const group = groups.get(key);
    if (group) group.push(point);
    else groups.set(key, [point]);
  }
  return groups;
}

/** @param {Pen} pen @param {Point} point */
function disc(pen, { x, y, radius }) {
  pen.beginPath();
  pen.arc(x, y, radius, 0, 2 * Math.PI);
  pen.fill();
}

/** @param {Pen} pen @param {Point[]} some */
function outline(pen, some) {
  pen.strokeStyle = colours.theme("outline");
  for (const { x, y, radius } of some) {
    pen.beginPath();
    pen.arc(x, y, radius, 0, 2 * Math.PI);
    pen.stroke();
  }
}

/** @type {{[state: string]: (pen: Pen, x: number, y: number, r: number) => void}} */
const SYMBOLS = {
  failed: (pen, x, y, r) => {
    line(pen, x - r, y - r, x + r, y + r);
    line(pen, x - r, y + r, x + r, y - r);
  },
  infeasible: (pen, x, y, r) =>
    polygon(pen, [
      [x - r, y - r],
      [x + r, y - r],
      [x, y + r],
    ]),
  stopped: (pen, x, y, r) => pen.rect(x - r, y - r, 2 * r, 2 * r),
  running: (pen, x, y, r) => pen.arc(x, y, r, 0, 1.5 * Math.PI),
  duplicate: (pen, x, y, r) =>
    polygon(pen, [
      [x, y - r],
      [x + r, y],
      [x, y + r],
      [x - r, y],
    ]),
  reference: (pen, x, y, r) =>
    polygon(pen, [
      [x, y - r],
      [x + r, y],
      [x, y + r],
      [x - r, y],
    ]),
  complete: (pen, x, y, r) => pen.arc(x, y, r, 0, 2 * Math.PI),
};

/** @param {Pen} pen @param {Point} point */
function symbol(pen, { row, x, y, radius }) {
  pen.beginPath();
  SYMBOLS[row.state](pen, x, y, Math.min(radius, 4.5));
  pen.stroke();
}

/** @param {Pen} pen @param {Pair[]} corners */
function polygon(pen, corners) {
  pen.moveTo(...corners[0]);
  for (const corner of corners.slice(1)) pen.lineTo(...corner);
  pen.closePath();
}

/** @param {Pen} pen @param {Frame} frame */
function drawReferences(pen, frame) {
  pen.strokeStyle = pen.fillStyle = colours.theme("text");
  pen.font = colours.font(12);
  pen.lineWidth = 2;
  for (const point of points) {
    if (point.row.state !== "reference") continue;
    pen.beginPath();
    SYMBOLS.reference(pen, point.x, point.y, REFERENCE_PX);
    pen.stroke();
    label(pen, point.row.name, point, frame);
  }
  drawReferenceLines(pen, frame);
}

/**
 * One that was not trained has no accuracy: a line where it is on the other axis.
 * @param {Pen} pen @param {Frame} frame
 */
function drawReferenceLines(pen, frame) {
  const [across, up] = frame.columns;
  const isShown = (/** @type {Row} */ row) =>
    !state.hidden.has(row.run.id) && up.value(row) === null;
  let y = frame.top + 10;
  for (const row of model.references.filter(isShown)) {
    const value = across.value(row);
    if (value === null) continue;
    const x = frame.toX(value);
    if (x < frame.left || x > frame.left + frame.width) continue;
    pen.lineWidth = 1;
    pen.setLineDash([4, 4]);
    pen.beginPath();
    line(pen, x, frame.top, x, frame.top + frame.height);
    pen.stroke();
    pen.setLineDash([]);
    label(pen, row.name, { x: x - 5, y }, frame);
    y += 16;
  }
}

/**
 * Beside its point, on the side where there is room, with a halo that parts it from points.
 * @param {Pen} pen @param {string} name @param {{x: number, y: number}} place
 * @param {Frame} frame
 */
function label(pen, name, { x, y }, frame) {
  const isLeft = x > frame.left + 0.8 * frame.width;
  pen.save();
  pen.textAlign = isLeft ? "right" : "left";
  pen.strokeStyle = colours.theme("page");
  pen.lineWidth = 3;
  const left = x + (isLeft ? -11 : 11);
  pen.strokeText(name, left, y + 4);
  pen.fillText(name, left, y + 4);
  pen.restore();
}

/** What the front is, and which point is the winner. @param {Pen} pen @param {Frame} frame */
function drawNames(pen, frame) {
  pen.font = colours.font(12, "600");
  pen.fillStyle = colours.theme("accent");
  const first = points.find(({ row }) => row === model.winner);
  if (first) label(pen, `winner, no. ${first.row.number}`, above(first), frame);
  const named = store.areSeveral() ? null : frontsEnd(first);
  if (named) label(pen, "Pareto front", above(named), frame);
}

/** Where a name crosses neither its point's bar nor the front. @param {Point} point */
const above = ({ x, y }) => ({ x: x - 4, y: y - 14 });

/**
 * Where the front's name stands: at the end that is farther from the winner's name.
 * @param {Point | undefined} winner
 */
function frontsEnd(winner) {
  const front = [...model.fronts.values()].find((rows) => rows.length > 1) ?? [];
  const far = (/** @type {Point} */ { x, y }) => Math.hypot(x - winner?.x, y - winner?.y) || 0;
  return points
    .filter(({ row }) => row === front[0] || row === front.at(-1))
    .filter(({ row }) => row !== model.winner)
    .sort((a, b) => far(b) - far(a))[0];
}

/** Rings around the winner and what is selected. @param {Pen} pen */
function drawMarks(pen) {
  for (const point of points) {
    const place = state.selected.indexOf(point.row.key);
    if (place >= 0) ring(pen, point, 4, colours.theme("text"), place ? [3, 3] : []);
    if (point.row === model.winner) ring(pen, point, 4, colours.theme("accent"), []);
    if (state.pointed?.key === point.row.key && point.row.key)
      ring(pen, point, 3, colours.theme("text"), []);
  }
}

/**
 * @param {Pen} pen @param {Point} point @param {number} gap @param {string} colour
 * @param {number[]} dash
 */
function ring(pen, { x, y, radius }, gap, colour, dash) {
  pen.save();
  pen.strokeStyle = colour;
  pen.lineWidth = 2;
  pen.setLineDash(dash);
  pen.beginPath();
  pen.arc(x, y, radius + gap, 0, 2 * Math.PI);
  pen.stroke();
  pen.restore();
}

/**
 * The point nearest to a place, within reach; of those that overlap the one drawn last.
 * @param {number} x @param {number} y @param {number} reach
 */
export function nearest(x, y, reach) {
  let found = null;
  let least = reach;
  for (const point of pointable()) {
    const gap = Math.max(0, Math.hypot(point.x - x, point.y - y) - point.radius);
    if (gap <= least) [found, least] = [point, gap];
  }
  return found;
}

/** Those that a filter does not leave out. */
export const pointable = () => points.filter(({ isFaded }) => !isFaded);

/** All points as last drawn. */
export const all = () => points;
