/** What changed since the last frame, and who draws it. */

import { state } from "./state.js";

/** @type {Set<Reason>} */
const pending = new Set();
/** @type {(reasons: Set<Reason>) => void} */
let draw = () => {};

/** Draws what changed, once a frame. @param {(reasons: Set<Reason>) => void} then */
export function onChange(then) {
  draw = then;
}

/** Asks for a drawing in the next frame. @param {...Reason} reasons */
export function schedule(...reasons) {
  if (pending.size === 0) requestAnimationFrame(render);
  for (const reason of reasons) pending.add(reason);
}

function render() {
  const reasons = new Set(pending);
  pending.clear();
  draw(reasons);
}

/** Turns to a view. @param {View} view */
export function show(view) {
  state.view = view;
  schedule("view");
}
