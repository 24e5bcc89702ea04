/** The plot of the candidates on one canvas: where its axes are, what they show, and its points. */

import * as axes from "./axes.js";
import * as cloud from "./cloud.js";
import * as colours from "./colours.js";
import * as columns from "./columns.js";
import { byId, element } from "./dom.js";
import * as legend from "./legend.js";
import { model, plotted } from "./model.js";
import { schedule } from "./schedule.js";
import { state } from "./state.js";
import { extent, padded } from "./ticks.js";

const STRIP_PX = 30;
const PADDING = 0.05; // of the axis, on either side
const NARROW_PX = 520;
const PICTURE_SCALE = 2; // pixels of a saved picture for one of the page
export const ZOOM_STEP = 0.6;
/** @type {Frame} */
let frame;

/** @param {Ranges} ranges @returns {Frame} */
function framed(ranges) {
  const box = byId("cloud").getBoundingClientRect();
  const isNarrow = box.width < NARROW_PX;
  const margin = { l: isNarrow ? 44 : 56, r: 14, t: 14, b: 44 };
  const [x, y] = plotted();
  const strip = model.ranked.some((row) => y.value(row) === null && x.value(row) !== null)
    ? STRIP_PX
    : 0;
  const width = Math.max(40, box.width - margin.l - margin.r);
  const height = Math.max(40, box.height - margin.t - margin.b);
  const upper = height - strip;
  const onX = state.isLog ? Math.log10 : Number;
  /** @param {number} value */
  const toX = (value) =>
    margin.l + (width * (onX(value) - ranges.x[0])) / (ranges.x[1] - ranges.x[0]);
  /** @param {number} value */
  const toY = (value) =>
    margin.t + upper * (1 - (value - ranges.y[0]) / (ranges.y[1] - ranges.y[0]));
  return {
    columns: [x, y],
    outer: box,
    margin,
    ranges,
    width,
    height,
    strip,
    toX,
    toY,
    left: margin.l,
    top: margin.t,
    stripY: (number) => margin.t + height - strip / 2 + ((number * 7) % 13) - 6,
    contains: (at) =>
      at.x >= margin.l - 1 &&
      at.x <= margin.l + width + 1 &&
      (at.inStrip || (at.y >= margin.t - 1 && at.y <= margin.t + upper + 1)),
  };
}

/** What the axes show: what the reader zoomed to, else everything. @returns {Ranges} */
function ranges() {
  if (state.zoom) return state.zoom;
  const [x, y] = plotted();
  const rows = model.ranked.concat(
    model.references.filter((row) => x.value(row) !== null && y.value(row) !== null),
  );
  return { x: spread(rows, x, state.isLog), y: spread(rows, y, false) };
}

/** The ends of the interval, so that the front's bars are not cut. @param {Column} column @param {Row} row */
const bars = (column, row) => column.interval?.(row) ?? [];

/** @type {(rows: Row[], column: Column, isLog: boolean) => Ends} */
function spread(rows, column, isLog) {
  const values = rows
    .flatMap((row) => [column.value(row), ...(model.onFront.has(row) ? bars(column, row) : [])])
    .filter((value) => value !== null && (!isLog || value > 0))
    .map(isLog ? Math.log10 : Number);
  return padded(extent(values) ?? (isLog ? [-1, 1] : [0, 1]), PADDING);
}

export function draw() {
  frame = framed(ranges());
  const [x, y] = frame.columns;
  const isEmpty = !model.ranked.some((row) => x.value(row) !== null);
  byId("view-plot").classList.toggle("empty", isEmpty);
  byId("empty").hidden = !isEmpty;
  byId("empty").textContent = model.rows.length
    ? `No candidate with a ${columns.title(x)} yet`
    : "No candidate yet";
  byId("cloud").setAttribute("aria-label", `${y.label} against ${x.label}`);
  byId("references").replaceChildren(...model.references.map(told));
  drawCloud();
}

/** A reference in words, for who cannot see its mark on the canvas. @param {Row} row */
function told(row) {
  const values = frame.columns.map(
    (column) => `${column.label} ${column.format(column.value(row))}`,
  );
  return element("li", {}, `${row.name}: ${values.join(", ")}`);
}

/** The plot as it is, as while zooming, hovering or moving a slider. @param {Ranges} [moving] */
export function drawCloud(moving) {
  if (moving) frame = framed(moving);
  const scale = window.devicePixelRatio || 1;
  const canvas = byId("cloud");
  const size = [frame.outer.width, frame.outer.height].map((length) => Math.round(length * scale));
  if (canvas.width !== size[0] || canvas.height !== size[1]) [canvas.width, canvas.height] = size;
  legend.draw(paint(canvas, scale));
  document.documentElement.dataset.drawn = String(
    cloud.all().filter((point) => point.row.key).length,
  );
}

/** @param {HTMLCanvasElement} canvas @param {number} scale its pixels for one of the page */
function paint(canvas, scale) {
  const pen = canvas.getContext("2d");
  pen.setTransform(scale, 0, 0, scale, 0, 0);
  pen.clearRect(0, 0, frame.outer.width, frame.outer.height);
  axes.draw(pen, frame);
  return cloud.draw(pen, frame);
}

/** @param {Ranges | null} zoom null shows everything */
export function zoomTo(zoom) {
  state.zoom = zoom;
  schedule("zoom");
}

/**
 * Nearer (below 1) or farther, about what is pointed at or selected, else the middle.
 * @param {number} factor
 */
export function zoomBy(factor) {
  const key = state.pointed?.key ?? state.selected[0];
  const point = cloud.all().find(({ row, inStrip }) => row.key === key && key && !inStrip);
  const {
    ranges: { x, y },
    left,
    top,
    width,
    height,
    strip,
  } = frame;
  const at = point
    ? [(point.x - left) / width, 1 - (point.y - top) / (height - strip)]
    : [0.5, 0.5];
  /** @type {(ends: Ends, share: number) => Ends} */
  const about = ([low, high], share) => {
    const fixed = low + share * (high - low);
    return [fixed + factor * (low - fixed), fixed + factor * (high - fixed)];
  };
  zoomTo({ x: about(x, at[0]), y: about(y, at[1]) });
}

/** The plot as a picture, on the page's colour rather than on nothing. */
export function save() {
  const { width, height } = frame.outer;
  const [across, down] = [width, height].map((length) => Math.round(PICTURE_SCALE * length));
  const canvas = element("canvas", { width: across, height: down });
  paint(canvas, PICTURE_SCALE);
  const pen = canvas.getContext("2d");
  pen.globalCompositeOperation = "destination-over";
  pen.fillStyle = colours.theme("page");
  pen.fillRect(0, 0, width, height);
  element("a", { href: canvas.toDataURL("image/png"), download: "pareto.png" }).click();
}

/** Where the axes are. */
export const axesFrame = () => frame;
