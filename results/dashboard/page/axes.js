/** The axes of the plot, its grid, and the fronts. */

import * as colours from "./colours.js";
import * as columns from "./columns.js";
import { model } from "./model.js";
import { state } from "./state.js";
import * as store from "./store.js";
import { ticks, written } from "./ticks.js";

const PIXELS_A_TICK = { x: 90, y: 50 };
const FONT_PX = 12;
const TITLE_PX = 13;
const FRONT_PX = 2;

/** @param {Pen} pen in CSS pixels @param {Frame} frame */
export function draw(pen, frame) {
  const { left, top, width, height, strip } = frame;
  const upper = height - strip;
  pen.save();
  pen.font = colours.font(FONT_PX);
  pen.strokeStyle = colours.theme("grid");
  pen.fillStyle = colours.theme("muted");
  pen.lineWidth = 1;
  const across = ticks(frame.ranges.x, width / PIXELS_A_TICK.x, state.isLog);
  pen.textAlign = "center";
  written(across).forEach((text, place) => {
    const x = frame.toX(across[place]);
    line(pen, x, top, x, top + upper);
    pen.fillText(text, x, top + height + FONT_PX + 3);
  });
  const up = ticks(frame.ranges.y, upper / PIXELS_A_TICK.y);
  pen.textAlign = "right";
  written(up).forEach((text, place) => {
    const y = frame.toY(up[place]);
    line(pen, left, y, left + width, y);
    pen.fillText(text, left - 6, y + FONT_PX / 3);
  });
  if (strip) drawStrip(pen, frame);
  drawTitles(pen, frame);
  pen.beginPath();
  pen.rect(left, top - FRONT_PX, width, upper + FRONT_PX);
  pen.clip();
  for (const [run, rows] of model.fronts) drawFront(pen, frame, run, rows);
  pen.restore();
}

/** Where rows without a value on the y axis are. @param {Pen} pen @param {Frame} frame */
function drawStrip(pen, { left, top, width, height, strip, columns: [, y] }) {
  pen.save();
  pen.fillStyle = colours.theme("strip");
  pen.fillRect(left, top + height - strip, width, strip);
  pen.fillStyle = colours.theme("muted");
  pen.textAlign = "right";
  pen.fillText(`no ${columns.title(y).replace(/ %$/, "")}`, left + width - 4, top + height - strip + FONT_PX);
  pen.restore();
}

/** @param {Pen} pen @param {Frame} frame */
function drawTitles(pen, { columns: [x, y], left, top, width, height, margin }) {
  pen.font = colours.font(TITLE_PX);
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
  pen.lineWidth = FRONT_PX;
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

/** @type {(pen: Pen, x0: number, y0: number, x1: number, y1: number) => void} */
function line(pen, x0, y0, x1, y1) {
  pen.beginPath();
  pen.moveTo(x0, y0);
  pen.lineTo(x1, y1);
  pen.stroke();
}
