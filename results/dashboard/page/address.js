/** The form of the state in the address, so that a link shows the same. */

import { NUMBERS, STATES, initial, state } from "./state.js";

const DEFAULTS = initial();
/** @type {Word[]} */
const WORDS = ["view", "x", "y", "colour", "size", "text", "sort", "over", "population", "split", "stage"];
/** @type {Flag[]} */
const FLAGS = ["isLog", "frontOnly", "descending"];
const SETTLE_MS = 300; // browsers refuse an address that changes more often

let writing = 0;

/** The state without what is as at first. @returns {string} */
export function encode() {
  const query = new URLSearchParams();
  for (const name of WORDS) if (state[name] !== DEFAULTS[name]) query.set(name, state[name]);
  for (const name of FLAGS)
    if (state[name] !== DEFAULTS[name]) query.set(name, String(Number(state[name])));
  for (const name of NUMBERS) if (state[name] !== null) query.set(name, String(state[name]));
  if (state.states.size < STATES.length) query.set("states", [...state.states].join(" "));
  if (state.hidden.size) query.set("hidden", [...state.hidden].join(" "));
  if (state.selected.length) query.set("selected", state.selected.join(" "));
  if (state.zoom) query.set("zoom", [...state.zoom.x, ...state.zoom.y].map(shortened).join(" "));
  for (const [name, [low, high]] of Object.entries(state.limits)) {
    query.set(`limit.${name}`, `${low ?? ""}~${high ?? ""}`);
  }
  return query.toString();
}

/** @param {number} value */
const shortened = (value) => Number(value.toPrecision(6));

/** Reads what {@link encode} wrote; anything else is left as at first. @param {string} text */
export function decode(text) {
  const query = new URLSearchParams(text);
  Object.assign(state, initial());
  for (const name of WORDS) if (query.has(name)) state[name] = query.get(name);
  for (const name of FLAGS) if (query.has(name)) state[name] = query.get(name) === "1";
  for (const name of NUMBERS) state[name] = number(query.get(name));
  if (query.has("states"))
    state.states = new Set(words(query, "states").filter((name) => DEFAULTS.states.has(name)));
  state.hidden = new Set(words(query, "hidden").map(Number));
  state.selected = words(query, "selected")
    .filter((key) => /^\d+:\d+$/.test(key))
    .slice(0, 2);
  state.zoom = zoom(words(query, "zoom").map(Number));
  for (const [name, value] of query) {
    const [low = "", high = ""] = value.split("~");
    if (name.startsWith("limit.")) state.limits[name.slice(6)] = [number(low), number(high)];
  }
}

/** @param {URLSearchParams} query @param {string} name */
const words = (query, name) => (query.get(name) ?? "").split(" ").filter(Boolean);

/** @param {string | null} text */
function number(text) {
  return text === null || text === "" || !Number.isFinite(Number(text)) ? null : Number(text);
}

/** @param {number[]} ends @returns {Ranges | null} */
function zoom(ends) {
  const [left, right, low, high] = ends;
  return ends.length === 4 && ends.every(Number.isFinite)
    ? { x: [left, right], y: [low, high] }
    : null;
}

/** Puts the state in the address, a moment later. */
export function remember() {
  clearTimeout(writing);
  writing = setTimeout(() => history.replaceState(null, "", `#${encode()}`), SETTLE_MS);
}
