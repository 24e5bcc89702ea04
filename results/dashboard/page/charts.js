/** Small charts: axes, marks and a legend as SVG, and crowds on a canvas between axes and marks. */

import * as crowd from "./crowd.js";
import { drawn, element } from "./dom.js";
import * as marks from "./marks.js";
import * as pointing from "./chart-pointing.js";
import { extent, padded, ticks, written } from "./ticks.js";

const FONT_PX = 11;
const LETTER_PX = 6.3; // an average one's width at this size
const PIXELS_A_TICK = { x: 62, y: 36 };
const ROOM = 0.05; // of an axis on either side

/** The charts in the page, drawn anew when their place changes its size. @type {WeakMap<Element, Chart>} */
const charts = new WeakMap();
const watch = lazily(
  () => new ResizeObserver((entries) => entries.forEach(({ target }) => redraw(target))),
);

/**
 * Draws a chart in a place, instead of what was there.
 * @param {HTMLElement} place that has a height @param {Chart} chart
 */
export function draw(place, chart) {
  charts.set(place, chart);
  watch().observe(place);
  redraw(place);
}

/** @param {Element} place */
function redraw(place) {
  const chart = charts.get(place);
  const legend = legendOf(chart);
  place.replaceChildren(...(legend ? [legend] : []));
  const width = place.clientWidth;
  const height = place.clientHeight - (legend?.offsetHeight ?? 0);
  if (width < 40 || height < 40) return; // not in sight
  const frame = framed(chart, width, height);
  const sheet = (/** @type {SVGElement[]} */ ...shapes) =>
    drawn("svg", { width, height, viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" }, shapes);
  const crowds = placed(chart.marks, frame);
  const others = /** @type {(Points | Boxes)[]} */ (chart.marks.filter(({ kind }) => kind !== "crowd"));
  const shapes = others.map((mark) => marks.drawn(mark, frame));
  const top = crowds.length ? sheet(...shapes) : sheet(axes(chart, frame), ...shapes);
  if (crowds.length) place.append(sheet(axes(chart, frame)), canvas(crowds, frame));
  place.append(top);
  pointing.attach(/** @type {HTMLElement} */ (place), { svg: top, chart, frame, placed: crowds });
}

/** Where the crowds among some marks are. @param {Mark[]} all @param {Scales} frame */
export const placed = (all, frame) =>
  all.flatMap((mark) => (mark.kind === "crowd" ? [crowd.place(mark, frame)] : []));

/** Crowds on a canvas as large as the chart. @param {Placed[]} placed @param {Pick<ChartFrame, "outer">} frame */
export function canvas(placed, { outer: { width, height } }) {
  const scale = window.devicePixelRatio || 1;
  const own = element("canvas", {
    width: Math.round(scale * width),
    height: Math.round(scale * height),
    "aria-hidden": "true",
  });
  Object.assign(own.style, { width: `${width}px`, height: `${height}px` });
  const pen = own.getContext("2d");
  pen.scale(scale, scale);
  for (const one of placed) crowd.paint(pen, one);
  return own;
}

/**
 * Where the axes are, and what they show.
 * @param {Chart} chart @param {number} width @param {number} height @returns {ChartFrame}
 */
function framed({ x, y, marks: own }, width, height) {
  const points = own.map(marks.extents);
  const xEnds = x.names ? named(x.names) : ends(x, points.flatMap((point) => point.x));
  const yEnds = ends(y, points.flatMap((point) => point.y));
  const margin = { t: 8, r: 12, b: x.title ? 36 : 22 };
  const rows = ticks(yEnds, (height - margin.t - margin.b) / PIXELS_A_TICK.y);
  const longest = Math.max(...written(rows).map((text) => text.length), 1);
  const left = 10 + longest * LETTER_PX + (y.title ? FONT_PX + 5 : 0);
  const [across, up] = [width - left - margin.r, height - margin.t - margin.b];
  return {
    left,
    top: margin.t,
    width: across,
    height: up,
    outer: { width, height },
    rows,
    columns: placesOf(x, xEnds, across / PIXELS_A_TICK.x),
    toX: (value) => left + (across * (value - xEnds[0])) / (xEnds[1] - xEnds[0]),
    toY: (value) => margin.t + up * (1 - (value - yEnds[0]) / (yEnds[1] - yEnds[0])),
  };
}

/** The values that the x axis names. @param {ChartAxis} axis @param {Ends} range @param {number} wanted */
function placesOf({ names, isWhole }, range, wanted) {
  if (names) return names.map((_, place) => place);
  const found = ticks(range, wanted);
  return isWhole ? found.filter(Number.isInteger) : found;
}

/** @param {string[]} names @returns {Ends} */
const named = (names) => [-0.5, Math.max(1, names.length) - 0.5];

/** @param {ChartAxis} axis @param {number[]} values @returns {Ends} */
function ends(axis, values) {
  if (axis.ends) return axis.ends;
  const found = extent(values) ?? [0, 1];
  const [low, high] = padded(found, ROOM);
  return [axis.fromZero && found[0] >= 0 ? 0 : low, high];
}

/** @param {Chart} chart @param {ChartFrame} frame */
function axes({ x, y }, frame) {
  const { left, top, width, height, rows, columns, outer } = frame;
  const bottom = top + height;
  const texts = x.names ?? written(columns);
  return drawn(
    "g.axes",
    {},
    rows.map((value) => line(left, frame.toY(value), left + width, frame.toY(value))),
    !x.names && columns.map((value) => line(frame.toX(value), top, frame.toX(value), bottom)),
    written(rows).map((text, place) =>
      label(text, left - 6, frame.toY(rows[place]) + FONT_PX / 3, "end"),
    ),
    texts.map((text, place) => label(text, frame.toX(columns[place]), bottom + FONT_PX + 4, "middle")),
    x.title && label(x.title, left + width / 2, outer.height - 5, "middle"),
    y.title &&
      drawn(
        "text",
        { transform: `translate(${FONT_PX} ${top + height / 2}) rotate(-90)`, "text-anchor": "middle" },
        y.title,
      ),
  );
}

/** @type {(x1: number, y1: number, x2: number, y2: number) => SVGElement} */
const line = (x1, y1, x2, y2) => drawn("line.grid", { x1, y1, x2, y2 });

/** @param {string} text @param {number} x @param {number} y @param {string} anchor */
const label = (text, x, y, anchor) => drawn("text", { x, y, "text-anchor": anchor }, text);

/** One entry a name; none for a single one. @param {Chart} chart */
function legendOf({ marks: own }) {
  const entries = own.filter(({ name }) => name);
  if (entries.length < 2) return null;
  return element(
    "div.chart-legend",
    {},
    entries.map((mark) =>
      element(
        "span.key",
        {},
        drawn("svg", { width: 18, height: 10, "aria-hidden": "true" }, marks.sample(mark)),
        mark.name,
      ),
    ),
  );
}

/** Makes a value at its first use, since a module is also read where there is no page. */
function lazily(/** @type {() => ResizeObserver} */ make) {
  /** @type {ResizeObserver | undefined} */
  let made;
  return () => (made ??= make());
}
