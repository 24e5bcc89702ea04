/** Dragging in the plot: a box to zoom to, or the axes themselves; two quick presses show all. */

import { byId } from "./dom.js";
import * as plot from "./plot.js";

const STILL_PX = 5; // a press that moves farther is a drag
const FLAT_PX = 12; // a box that is flatter leaves the other axis as it is
const DOUBLE_MS = 350;
const WHEEL = 0.002; // of the logarithm of the zoom, a pixel of the wheel

/** What a press has become. @typedef {{start: PointerEvent, frame: Frame, how: "box" | "x" | "y" | "both", isMoving: boolean}} Drag */

/** @type {Drag | null} */
let drag = null;
/** @type {PointerEvent | null} */
let released = null;
/** @type {(start: PointerEvent, end: PointerEvent) => void} */
let press = () => {};

/**
 * @param {HTMLCanvasElement} canvas
 * @param {(start: PointerEvent, end: PointerEvent) => void} onPress of a press without a drag
 */
export function listen(canvas, onPress) {
  press = onPress;
  canvas.addEventListener("pointerdown", begin);
  canvas.addEventListener("pointermove", hint);
  canvas.addEventListener("wheel", wheel, { passive: false });
  window.addEventListener("pointermove", move);
  window.addEventListener("pointerup", end);
  window.addEventListener("pointercancel", cancel); // a finger that scrolls
  window.addEventListener("keydown", ({ key }) => key === "Escape" && cancel());
}

/** @param {PointerEvent} event */
function begin(event) {
  if (event.button !== 0) return;
  drag = { start: event, frame: plot.axesFrame(), how: howAt(event), isMoving: false };
}

/** In the plot a box, on an axis that axis, with Shift all. @param {PointerEvent} event @returns {Drag["how"]} */
function howAt(event) {
  const { left, top, width, height } = plot.axesFrame();
  if (event.shiftKey) return "both";
  if (event.offsetY > top + height) return "x";
  if (event.offsetX < left) return "y";
  return event.offsetX <= left + width ? "box" : "y";
}

/** What a drag from here would do. @param {PointerEvent} event */
function hint(event) {
  const how = howAt(event);
  byId("cloud").dataset.drag = how;
}

/** A finger scrolls the page rather than drags; there are buttons for that. @param {PointerEvent} event */
const isFinger = (event) => event.pointerType === "touch";

/** @param {PointerEvent} event */
function move(event) {
  if (!drag || isFinger(event)) return;
  if (!drag.isMoving && isStill(drag.start, event)) return;
  drag.isMoving = true;
  if (drag.how === "box") drawBox(corners(event));
  else plot.drawCloud(moved(event));
}

/** @param {PointerEvent} event */
function end(event) {
  const done = drag;
  if (!done) return;
  if (done.isMoving) {
    plot.zoomTo(done.how === "box" ? boxed(corners(event)) : moved(event));
    return cancel();
  }
  drag = null;
  if (!isStill(done.start, event)) return;
  const before = released;
  released = event;
  if (before && isDouble(before, event)) plot.zoomTo(null);
  else press(done.start, event);
}

function cancel() {
  drag = null;
  byId("zoom-box").hidden = true;
}

/** @param {PointerEvent} start @param {PointerEvent} event */
const isStill = (start, event) =>
  Math.hypot(event.clientX - start.clientX, event.clientY - start.clientY) < STILL_PX;

/**
 * Two quick clicks on different points are two selections.
 * @param {PointerEvent} first @param {PointerEvent} second
 */
const isDouble = (first, second) =>
  second.timeStamp - first.timeStamp < DOUBLE_MS && isStill(first, second);

/**
 * The box from the press to here, within the axes; a flat one goes over all of the other axis.
 * @param {PointerEvent} event @returns {Ranges} in pixels
 */
function corners(event) {
  const { frame, start } = drag;
  const { left, top, width, height, strip } = frame;
  /** @type {(from: number, by: number, low: number, size: number) => Ends} */
  const side = (from, by, low, size) => {
    if (Math.abs(by) < FLAT_PX) return [low, low + size];
    const [a, b] = [from, from + by].map((at) => Math.min(low + size, Math.max(low, at)));
    return [Math.min(a, b), Math.max(a, b)];
  };
  return {
    x: side(start.offsetX, event.clientX - start.clientX, left, width),
    y: side(start.offsetY, event.clientY - start.clientY, top, height - strip),
  };
}

/** @param {Ranges} box in pixels */
function drawBox({ x, y }) {
  const box = byId("zoom-box");
  box.hidden = false;
  const [left, top, width, height] = [x[0], y[0], x[1] - x[0], y[1] - y[0]];
  Object.assign(box.style, { left: `${left}px`, top: `${top}px` });
  Object.assign(box.style, { width: `${width}px`, height: `${height}px` });
}

/** What a box in pixels has on the axes. @param {Ranges} box @returns {Ranges} */
function boxed({ x, y }) {
  const { left, top, width, height, strip, ranges } = drag.frame;
  return {
    x: between(ranges.x, (x[0] - left) / width, (x[1] - left) / width),
    y: between(ranges.y, 1 - (y[1] - top) / (height - strip), 1 - (y[0] - top) / (height - strip)),
  };
}

/** Two shares of a range. @param {Ends} range @param {number} from @param {number} to @returns {Ends} */
const between = ([low, high], from, to) => [low + from * (high - low), low + to * (high - low)];

/** The axes, moved with the mouse. @param {PointerEvent} event @returns {Ranges} */
function moved(event) {
  const { frame, start, how } = drag;
  const { width, height, strip, ranges } = frame;
  const x = how === "y" ? 0 : (start.clientX - event.clientX) / width;
  const y = how === "x" ? 0 : (event.clientY - start.clientY) / (height - strip);
  return { x: between(ranges.x, x, 1 + x), y: between(ranges.y, y, 1 + y) };
}

/** Zooms about the mouse, with Ctrl or a pinch; else the page scrolls. @param {WheelEvent} event */
function wheel(event) {
  if (!event.ctrlKey && !event.metaKey) return;
  event.preventDefault();
  const { left, top, width, height, strip, ranges } = plot.axesFrame();
  const factor = Math.exp(WHEEL * event.deltaY);
  /** @param {Ends} range @param {number} share */
  const about = (range, share) => between(range, share * (1 - factor), share + factor * (1 - share));
  plot.zoomTo({
    x: about(ranges.x, (event.offsetX - left) / width),
    y: about(ranges.y, 1 - (event.offsetY - top) / (height - strip)),
  });
}
