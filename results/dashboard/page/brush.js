/** Limits that are set on the axes of the parallel coordinates, with the mouse, a finger, or by keyboard. */

import * as dimensions from "./dimensions.js";
import { byId, drawn, element, focused } from "./dom.js";
import { schedule } from "./schedule.js";
import { state } from "./state.js";

const REACH_PX = 11; // beside an axis
const STILL_PX = 4; // a press that moves farther is a drag
const BRUSH_PX = 12; // width
const ENDS = ["at least", "at most"];

/** The axes as they are drawn. @type {{own: Dimension[], frame: ParallelFrame}} */
let shown;
/**
 * What is dragged: a new brush from a value on, or one end of a brush.
 * @type {{dimension: Dimension, from: number, y: number, isMoving: boolean, isFinger: boolean} | null}
 */
let drag = null;
let isTaken = false; // whether a press was on an axis, and so on no candidate
let active = ""; // the axis that the keyboard is at

/** Draws the brushes and their handles. @param {Dimension[]} own @param {ParallelFrame} frame */
export function draw(own, frame) {
  const isSame = shown?.own.map(({ id }) => id).join() === own.map(({ id }) => id).join();
  shown = { own, frame };
  if (!own.some(({ id }) => id === active)) active = own[0].id;
  if (!isSame) byId("parallel-handles").replaceChildren(...own.flatMap(({ id }) => [handle(id, 0), handle(id, 1)]));
  update();
}

/** The axes as they are drawn. */
export const axesShown = () => shown;

/** Brings brushes and handles in line with the limits. */
function update() {
  const { own, frame } = shown;
  const handles = /** @type {HTMLElement[]} */ ([...byId("parallel-handles").children]);
  own.forEach((dimension, at) =>
    [0, 1].forEach((end) => place(handles[2 * at + end], dimension, end, frame.xs[at])),
  );
  const brushes = own.flatMap((dimension, at) =>
    state.limits[dimension.id] ? [box(dimension, frame.xs[at])] : [],
  );
  byId("parallel").querySelector(".brushes")?.remove();
  byId("parallel").querySelector("svg").append(drawn("g.brushes", {}, brushes));
}

/** From where to where a brush is, in pixels from above. @param {Dimension} dimension @returns {Ends} */
function spanned(dimension) {
  const [low, high] = dimensions.edges(dimension, state.limits[dimension.id]);
  const half = dimension.isChoice ? 0.5 : 0;
  const toY = (/** @type {number} */ value) => shown.frame.toY(dimensions.share(dimension, value));
  return [toY(high + half), toY(low - half)];
}

/** @param {Dimension} dimension @param {number} x */
function box(dimension, x) {
  const [top, bottom] = spanned(dimension);
  return drawn("rect", { x: x - BRUSH_PX / 2, y: top, width: BRUSH_PX, height: Math.max(2, bottom - top) });
}

/** One end of an axis's limits. @param {string} id @param {number} end 0 below, 1 above */
const handle = (id, end) =>
  element("div.handle", { role: "slider", "aria-orientation": "vertical", "data-id": id, "data-end": end });

/** @param {HTMLElement} node @param {Dimension} dimension @param {number} end @param {number} x */
function place(node, dimension, end, x) {
  const { id, label, isChoice, text } = dimension;
  const limit = state.limits[id]?.[end] ?? null;
  const value = dimensions.edges(dimension, state.limits[id])[end];
  const [first, last] = dimensions.edges(dimension, undefined);
  node.style.left = `${x}px`;
  node.style.top = `${spanned(dimension)[1 - end]}px`;
  node.classList.toggle("set", limit !== null);
  node.tabIndex = id === active ? 0 : -1;
  const said = limit === null ? "no limit" : text(isChoice ? value : limit);
  const facts = { label: `${label}, ${ENDS[end]}`, valuemin: first, valuemax: last, valuenow: value, valuetext: said };
  for (const [name, fact] of Object.entries(facts)) node.setAttribute(`aria-${name}`, String(fact));
}

export function listen() {
  const room = byId("parallel-room");
  room.addEventListener("pointerdown", begin);
  room.addEventListener("pointermove", hint);
  window.addEventListener("pointermove", move);
  window.addEventListener("pointerup", end);
  window.addEventListener("pointercancel", () => (drag = null));
  room.addEventListener("click", (event) => isTaken && event.stopPropagation(), { capture: true });
  byId("parallel-handles").addEventListener("keydown", pressKey);
  byId("parallel-handles").addEventListener("focusin", ({ target }) => {
    active = /** @type {HTMLElement} */ (target).dataset.id;
    update();
  });
}

/** A place of the mouse in the drawing. @param {PointerEvent} event */
function placeOf(event) {
  const room = byId("parallel-room").getBoundingClientRect();
  return { x: event.clientX - room.left, y: event.clientY - room.top };
}

/** The axis that a place is on. @param {{x: number, y: number}} at */
function axisAt({ x, y }) {
  const { own, frame } = shown;
  const isBeside = y < frame.top - REACH_PX || y > frame.top + frame.height + REACH_PX;
  return isBeside ? undefined : own.find((_, at) => Math.abs(frame.xs[at] - x) <= REACH_PX);
}

/** @param {Dimension} dimension @param {number} y */
const valueAt = (dimension, y) =>
  dimensions.valueAt(dimension, 1 - (y - shown.frame.top) / shown.frame.height);

/** @param {PointerEvent} event */
function begin(event) {
  isTaken = false;
  if (event.button !== 0) return;
  const at = placeOf(event);
  const node = /** @type {HTMLElement} */ (event.target);
  const { id, end } = node.dataset;
  if (end !== undefined) {
    const dimension = shown.own.find((one) => one.id === id);
    const other = dimensions.edges(dimension, state.limits[id])[1 - Number(end)];
    isTaken = true;
    drag = { dimension, from: other, y: at.y, isMoving: false, isFinger: false };
    return;
  }
  const dimension = axisAt(at);
  const isFinger = event.pointerType === "touch"; // beside a handle it scrolls, and only presses
  if (dimension) drag = { dimension, from: valueAt(dimension, at.y), y: at.y, isMoving: false, isFinger };
}

/** Shows that an axis can be dragged on. @param {PointerEvent} event */
function hint(event) {
  if (shown) byId("parallel-room").classList.toggle("on-axis", Boolean(axisAt(placeOf(event))));
}

/** @param {PointerEvent} event */
function move(event) {
  if (!drag || drag.isFinger) return;
  const { y } = placeOf(event);
  if (!drag.isMoving && Math.abs(y - drag.y) < STILL_PX) return;
  drag.isMoving = isTaken = true;
  set(drag.dimension, drag.from, valueAt(drag.dimension, y));
  event.preventDefault();
}

/** @param {PointerEvent} event */
function end(event) {
  const done = drag;
  drag = null;
  if (!done) return;
  if (!done.isMoving && !isTaken) press(done.dimension, placeOf(event).y);
  if (isTaken) schedule("controls");
}

/**
 * A press without a drag undoes a brush, or keeps the option of a choice.
 * @param {Dimension} dimension @param {number} y
 */
function press(dimension, y) {
  const [top, bottom] = spanned(dimension);
  const isOn = state.limits[dimension.id] && y >= top && y <= bottom;
  if (isOn) clear(dimension);
  else if (dimension.isChoice) set(dimension, valueAt(dimension, y), valueAt(dimension, y));
  else return;
  isTaken = true;
}

/** @param {Dimension} dimension @param {number} from @param {number} to */
function set(dimension, from, to) {
  const limits = dimensions.limits(dimension, from, to);
  if (limits) state.limits[dimension.id] = limits;
  else delete state.limits[dimension.id];
  schedule("filter");
}

/** @param {Dimension} dimension */
function clear({ id }) {
  delete state.limits[id];
  schedule("filter");
}

/** How many steps a key moves an end by. @type {{[key: string]: number}} */
const STEPS = { ArrowUp: 1, ArrowDown: -1, PageUp: 5, PageDown: -5, Home: -Infinity, End: Infinity };
/** @type {{[key: string]: number}} */
const TURNS = { ArrowRight: 1, ArrowLeft: -1 };

/** @param {KeyboardEvent} event */
function pressKey(event) {
  const { id, end } = /** @type {HTMLElement} */ (event.target).dataset;
  const dimension = shown.own.find((one) => one.id === id);
  if (event.key in STEPS) step(dimension, Number(end), STEPS[event.key]);
  else if (event.key in TURNS) turn(TURNS[event.key], end);
  else if (event.key === "Delete" || event.key === "Backspace") clear(dimension);
  else return;
  event.preventDefault();
  schedule("controls");
}

/** Moves one end, no farther than the other. @param {Dimension} dimension @param {number} end @param {number} by */
function step(dimension, end, by) {
  const now = dimensions.edges(dimension, state.limits[dimension.id]);
  const [first, last] = dimensions.edges(dimension, undefined);
  const bounds = end ? [now[0], last] : [first, now[1]];
  const moved = Math.min(bounds[1], Math.max(bounds[0], now[end] + by * dimension.keyStep));
  set(dimension, moved, now[1 - end]);
}

/** To the same end of the next axis. @param {number} by @param {string} end */
function turn(by, end) {
  const place = shown.own.findIndex(({ id }) => id === active) + by;
  const { id } = shown.own[Math.min(shown.own.length - 1, Math.max(0, place))];
  const next = byId("parallel-handles").querySelector(`[data-id="${CSS.escape(id)}"][data-end="${end}"]`);
  /** @type {HTMLElement} */ (next).focus();
  focused().scrollIntoView({ block: "nearest", inline: "nearest" });
}
