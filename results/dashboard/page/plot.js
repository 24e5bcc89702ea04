/** Accuracy against step time: plotly.js draws axes and front, a canvas the candidates.
 *  Until plotly.js has been loaded {@link nas.sketch} draws the axes. */

import * as cloud from "./cloud.js";
import * as colours from "./colours.js";
import * as columns from "./columns.js";
import { byId, element } from "./dom.js";
import { plain } from "./format.js";
import * as legend from "./legend.js";
import * as library from "./library.js";
import { axes, model } from "./model.js";
import { schedule } from "./schedule.js";
import * as sketch from "./sketch.js";
import { state } from "./state.js";
import * as store from "./store.js";

const STRIP_PX = 30;
const PADDING = 0.05; // of the axis, on either side
export const ZOOM_STEP = 0.6;
/** @type {Frame} */
let frame;
/** Called once the plot can be pointed at. */
let whenReady = () => {};
/** @type {Promise<unknown>} */
let pending = Promise.resolve();

/** @param {Ranges} ranges @returns {Frame} */
function framed(ranges) {
  const box = byId("pareto").getBoundingClientRect();
  const isNarrow = box.width < 520;
  const margin = { l: isNarrow ? 44 : 56, r: 14, t: 14, b: 44 };
  const [x, y] = axes();
  const strip = model.shown.some((row) => y.value(row) === null && x.value(row) !== null)
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
  const [x, y] = axes();
  const rows = model.shown.concat(
    model.references.filter((row) => x.value(row) !== null && y.value(row) !== null),
  );
  return { x: extent(rows, x, state.isLog), y: extent(rows, y, false) };
}

/** @type {(rows: Row[], column: Column, isLog: boolean) => Ends} */
function extent(rows, column, isLog) {
  const values = rows
    .map(column.value)
    .filter((value) => value !== null && (!isLog || value > 0))
    .map(isLog ? Math.log10 : Number);
  if (!values.length) return isLog ? [-1, 1] : [0, 1];
  const from = values.reduce((least, value) => Math.min(least, value));
  const to = values.reduce((most, value) => Math.max(most, value));
  const pad = (to - from || Math.abs(to) || 1) * PADDING;
  return [from - pad, to + pad];
}

/** @param {() => void} then once the plot can be pointed at */
export function onReady(then) {
  whenReady = then;
}

export function draw() {
  const isEmpty = model.rows.length === 0;
  byId("view-plot").classList.toggle("empty", isEmpty);
  byId("empty").hidden = !isEmpty;
  frame = framed(ranges());
  byId("references").replaceChildren(...model.references.map(told));
  if (!library.isLoaded()) return drawCloud();
  const isFirst = !byId("pareto").classList.contains("js-plotly-plot");
  pending = Plotly.react("pareto", traces(), layout(), config());
  if (isFirst) whenReady();
  drawCloud();
}

/** A reference in words, for who cannot see its mark on the canvas. @param {Row} row */
function told(row) {
  const values = frame.columns.map(
    (column) => `${column.label} ${column.format(column.value(row))}`,
  );
  return element("li", {}, `${row.name}: ${values.join(", ")}`);
}

/** A finger scrolls the page rather than zooms; there are buttons for that. */
function config() {
  const isFinger = matchMedia("(pointer: coarse)").matches;
  return {
    staticPlot: isFinger,
    displayModeBar: false,
    doubleClick: false,
    responsive: false,
    showTips: false,
  };
}

function traces() {
  const [x, y] = frame.columns;
  const several = store.areSeveral();
  return [...model.fronts].map(([run, rows]) => ({
    x: rows.map(x.value),
    y: rows.map(y.value),
    mode: "lines",
    hoverinfo: "skip",
    line: {
      shape: x.better === "low" ? "hv" : "vh",
      width: 2,
      color: several ? colours.ofRun(run) : colours.theme("accent"),
    },
  }));
}

function layout() {
  const [x, y] = frame.columns;
  const theme = colours.theme;
  const axis = {
    gridcolor: theme("grid"),
    zeroline: false,
    showline: false,
    ticks: "",
    fixedrange: false,
  };
  const bottom = frame.strip / frame.height;
  return {
    xaxis: {
      ...axis,
      title: { text: plain(x.label), standoff: 8 },
      range: frame.ranges.x,
      type: state.isLog ? "log" : "linear",
      tickformat: ticks(x),
      anchor: "free",
      position: 0,
    },
    yaxis: {
      ...axis,
      title: { text: plain(frame.margin.l < 50 ? "" : y.label), standoff: 6 },
      range: frame.ranges.y,
      domain: [bottom, 1],
      tickformat: ticks(y),
    },
    shapes: frame.strip ? [stripShape(bottom)] : [],
    annotations: frame.strip ? [stripLabel(y, bottom)] : [],
    width: frame.outer.width,
    height: frame.outer.height,
    margin: frame.margin,
    font: { color: theme("muted"), family: getComputedStyle(document.body).fontFamily, size: 12 },
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    showlegend: false,
    dragmode: "zoom",
    hovermode: false,
  };
}

/** 200k rather than 0.2M, as plotly.js's own format has it. @param {Column} column */
const ticks = (column) => (["parameters", "multiply_adds"].includes(column.id) ? "~s" : "");

/** @param {number} top */
function stripShape(top) {
  return {
    type: "rect",
    xref: "paper",
    yref: "paper",
    x0: 0,
    x1: 1,
    y0: 0,
    y1: top,
    line: { width: 0 },
    fillcolor: colours.theme("strip"),
    layer: "below",
  };
}

/** @param {Column} column @param {number} top */
function stripLabel(column, top) {
  return {
    xref: "paper",
    yref: "paper",
    x: 1,
    y: top,
    xanchor: "right",
    yanchor: "top",
    showarrow: false,
    text: plain(`no ${columns.title(column).replace(/ %$/, "")}`),
    font: { size: 11 },
  };
}

/** The points alone, as while zooming, hovering or moving a slider. @param {Ranges} [moving] */
export function drawCloud(moving) {
  if (moving) frame = framed(moving);
  const canvas = byId("cloud");
  const box = byId("pareto").getBoundingClientRect();
  const scale = window.devicePixelRatio || 1;
  const size = [Math.round(box.width * scale), Math.round(box.height * scale)];
  if (canvas.width !== size[0] || canvas.height !== size[1]) [canvas.width, canvas.height] = size;
  const pen = canvas.getContext("2d");
  pen.setTransform(scale, 0, 0, scale, 0, 0);
  pen.clearRect(0, 0, box.width, box.height);
  if (!library.isLoaded()) sketch.draw(pen, frame);
  const colour = cloud.draw(pen, frame);
  legend.draw(colour);
  document.documentElement.dataset.drawn = String(
    cloud.all().filter((point) => point.row.key).length,
  );
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

/** Axes and points as one picture. */
export async function save() {
  await library.loaded;
  await pending;
  const box = byId("pareto").getBoundingClientRect();
  const size = { width: Math.round(box.width), height: Math.round(box.height) };
  const axes = new Image();
  axes.src = await Plotly.toImage("pareto", { format: "svg", ...size });
  await axes.decode();
  const canvas = element("canvas", { width: 2 * size.width, height: 2 * size.height });
  const pen = canvas.getContext("2d");
  pen.fillStyle = colours.theme("page");
  pen.fillRect(0, 0, canvas.width, canvas.height);
  for (const layer of [axes, byId("cloud")])
    pen.drawImage(layer, 0, 0, canvas.width, canvas.height);
  element("a", { href: canvas.toDataURL("image/png"), download: "pareto.png" }).click();
}

/** Where the axes are. */
export const axesFrame = () => frame;
