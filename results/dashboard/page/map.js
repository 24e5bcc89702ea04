/** Which candidate wins at which w and v: a map of the plane, the winner's part in the accent. */

import * as colours from "./colours.js";
import { byId } from "./dom.js";
import { model } from "./model.js";
import * as objective from "./objective.js";
import { schedule } from "./schedule.js";
import * as sliders from "./sliders.js";
import { state } from "./state.js";

const CELLS = 48; // a side
/** @type {{key: unknown[], parts: Map<Row, Pair[]>}} */
let field = { key: [], parts: new Map() };
/** The lowest w and v; the highest are 0. @type {Pair} */
let lowest = [0, 0];
/** The canvas's, kept since asking for it makes the browser lay the page out. @type {Pair | null} */
let size = null;

/** Each possible winner's cells, kept until the candidates or the ends change. */
function parts() {
  const key = [model.rows, [...state.hidden].join(), ...lowest];
  if (key.some((one, place) => one !== field.key[place])) field = { key, parts: divide() };
  return field.parts;
}

function divide() {
  const rows = objective.undominated(model.ranked);
  const found = new Map();
  for (let column = 0; column < CELLS; column++) {
    for (let line = 0; line < CELLS; line++) {
      const numbers = { w: valueAt(column, 0), v: valueAt(CELLS - 1 - line, 1) };
      const first = firstAt(rows, { form: "product", numbers, is_in_seconds: false });
      if (!found.has(first)) found.set(first, []);
      found.get(first).push([column, line]);
    }
  }
  return found;
}

/**
 * Of a product alone, as another form has no w and v.
 * @param {Row | null} winner @param {Objective} at
 */
export function draw(winner, at) {
  const canvas = byId("map");
  canvas.parentElement.hidden = !winner || at.form !== "product";
  if (canvas.parentElement.hidden) return;
  lowest = [sliders.ends("w")[0], sliders.ends("v")[0]];
  byId("map-ends").textContent = caption();
  const scale = window.devicePixelRatio || 1;
  size ??= [canvas.clientWidth, canvas.clientHeight];
  const [width, height] = size;
  [canvas.width, canvas.height] = [Math.round(width * scale), Math.round(height * scale)];
  const pen = canvas.getContext("2d");
  pen.setTransform(scale, 0, 0, scale, 0, 0);
  paint(pen, [width / CELLS, height / CELLS], winner);
  name(pen, [width / CELLS, height / CELLS]);
  cross(pen, width, height, at);
}

function caption() {
  const [w, v] = lowest.map((low) => `${String(low).replace("-", "−")} to 0`);
  return `who wins: w across, v up, ${w === v ? w : `${w} and ${v}`}; press to go there`;
}

/** @param {number} cell @param {number} axis */
const valueAt = (cell, axis) => lowest[axis] * (1 - (cell + 0.5) / CELLS);

/** @param {Pen} pen @param {Pair} size @param {Row} winner */
function paint(pen, [across, down], winner) {
  let place = 0;
  for (const [row, cells] of parts()) {
    const plain = colours.theme(`map-${place++ % 4}`);
    pen.fillStyle = row === winner ? colours.theme("map-first") : plain;
    for (const [column, line] of cells)
      pen.fillRect(column * across, line * down, across + 0.5, down + 0.5);
  }
}

/** @param {Row[]} rows @param {Objective} at */
function firstAt(rows, at) {
  let [first, most] = [rows[0], -Infinity];
  for (const row of rows) {
    const value = objective.score(row, at);
    if (value > most) [first, most] = [row, value];
  }
  return first;
}

/** Its number in each part that has room for one. @param {Pen} pen @param {Pair} size */
function name(pen, size) {
  pen.font = colours.font(10);
  pen.textAlign = "center";
  pen.fillStyle = colours.theme("text");
  for (const [row, cells] of parts()) {
    if (cells.length < 60) continue;
    /** @param {number} axis */
    const middle = (axis) =>
      (cells.reduce((sum, cell) => sum + cell[axis], 0) / cells.length + 0.5) * size[axis];
    pen.fillText(String(row.number), middle(0), middle(1) + 3);
  }
}

/** @param {Pen} pen @param {number} width @param {number} height @param {Objective} at */
function cross(pen, width, height, { numbers: { w, v } }) {
  const [x, y] = [width * (1 - w / lowest[0]), (height * v) / lowest[1]];
  pen.strokeStyle = colours.theme("text");
  pen.lineWidth = 1.5;
  pen.beginPath();
  pen.arc(x, y, 4, 0, 2 * Math.PI);
  pen.stroke();
}

export function listen() {
  new ResizeObserver(([{ contentRect: { width, height } }]) => {
    if (size && (size[0] !== width || size[1] !== height)) schedule("reward");
    size = [width, height];
  }).observe(byId("map"));
  byId("map").addEventListener("click", (event) => {
    const box = byId("map").getBoundingClientRect();
    /** @param {number} share @param {number} axis */
    const rounded = (share, axis) => Math.round(200 * lowest[axis] * share) / 200;
    state.w = rounded(1 - (event.clientX - box.left) / box.width, 0);
    state.v = rounded((event.clientY - box.top) / box.height, 1);
    schedule("reward");
  });
}
