/** Axes and front on the canvas, where plotly.js draws them as soon as it has been loaded. */

import * as colours from "./colours.js";
import { short } from "./format.js";
import { model } from "./model.js";
import { state } from "./state.js";
import * as store from "./store.js";

const PIXELS_A_TICK = { x: 90, y: 65 };
const FONT_PX = 12;
const TITLE_PX = 14;

/** @param {Pen} pen in CSS pixels @param {Frame} frame */
export function draw(pen, frame) {
  const { left, top, width, height, strip } = frame;
  const upper = height - strip;
  pen.save();
  pen.font = `${FONT_PX}px ${getComputedStyle(document.body).fontFamily}`;
  pen.strokeStyle = colours.theme("grid");
  pen.fillStyle = colours.theme("muted");
  pen.lineWidth = 1;
  if (strip) {
    pen.save();
    pen.fillStyle = colours.theme("strip");
    pen.fillRect(left, top + upper, width, strip);
    pen.restore();
  }
  pen.textAlign = "center";
  for (const value of ticks(frame.ranges.x, width / PIXELS_A_TICK.x, state.isLog)) {
    const x = frame.toX(value);
    line(pen, x, top, x, top + upper);
    pen.fillText(written(value), x, top + height + FONT_PX + 1);
  }
  pen.textAlign = "right";
  for (const value of ticks(frame.ranges.y, upper / PIXELS_A_TICK.y, false)) {
    const y = frame.toY(value);
    line(pen, left, y, left + width, y);
    pen.fillText(written(value), left - 6, y + FONT_PX / 3);
  }
  drawTitles(pen, frame);
  for (const [run, rows] of model.fronts) drawFront(pen, frame, run, rows);
  pen.restore();
}

/** @param {Pen} pen @param {Frame} frame */
function drawTitles(pen, { columns, left, top, width, height, margin }) {
  const [x, y] = columns;
  pen.font = pen.font.replace(`${FONT_PX}px`, `${TITLE_PX}px`);
  pen.textAlign = "center";
  pen.fillText(x.label, left + width / 2, top + height + margin.b - 10);
  if (margin.l < 50) return;
  pen.save();
  pen.translate(left - 31, top + height / 2);
  pen.rotate(-Math.PI / 2);
  pen.fillText(y.label, 0, 0);
  pen.restore();
}

/**
 * The steps that the front makes: what is reached at no more than that cost.
 * @param {Pen} pen @param {Frame} frame @param {Run} run @param {Row[]} rows
 */
function drawFront(pen, frame, run, rows) {
  const [x, y] = frame.columns;
  const isFlatFirst = x.better === "low";
  pen.strokeStyle = store.areSeveral() ? colours.ofRun(run) : colours.theme("accent");
  pen.lineWidth = 2;
  pen.beginPath();
  /** @type {Pair | null} */
  let before = null;
  for (const row of rows) {
    const [left, top] = [frame.toX(x.value(row)), frame.toY(y.value(row))];
    if (before && isFlatFirst) pen.lineTo(left, before[1]);
    else if (before) pen.lineTo(before[0], top);
    pen.lineTo(left, top);
    before = [left, top];
  }
  pen.stroke();
}

/**
 * Round values within a range, about so many; where the axis is logarithmic the range's ends are
 * exponents of ten.
 * @param {Ends} range @param {number} wanted @param {boolean} isLog
 */
function ticks([from, to], wanted, isLog) {
  if (isLog && to - from > 1) return multiples(from, to, 1).map((power) => 10 ** power);
  const [low, high] = isLog ? [10 ** from, 10 ** to] : [from, to];
  return multiples(low, high, rounded((high - low) / Math.max(2, wanted)));
}

/**
 * The multiples of a step within a range.
 * @param {number} low @param {number} high @param {number} step
 */
function multiples(low, high, step) {
  const first = Math.ceil(low / step);
  const count = Math.max(0, Math.floor(high / step) - first + 1);
  return Array.from({ length: count }, (_, place) => (first + place) * step);
}

/** 1, 2 or 5 times a power of ten, the nearest from above. @param {number} step */
function rounded(step) {
  const power = 10 ** Math.floor(Math.log10(step));
  return [1, 2, 5, 10].find((digit) => digit * power >= step) * power;
}

/** @param {number} value */
const written = (value) =>
  Math.abs(value) >= 1e4 ? short(value) : String(Number(value.toPrecision(6)));

/** @type {(pen: Pen, x0: number, y0: number, x1: number, y1: number) => void} */
function line(pen, x0, y0, x1, y1) {
  pen.beginPath();
  pen.moveTo(x0, y0);
  pen.lineTo(x1, y1);
  pen.stroke();
}
