/** The controls above the plot: axes, colour, size, and who is shown. */

import * as columns from "./columns.js";
import { byId, element, option } from "./dom.js";
import { count } from "./format.js";
import * as legend from "./legend.js";
import { model } from "./model.js";
import * as plot from "./plot.js";
import { schedule } from "./schedule.js";
import { STATES, clearFilters, state } from "./state.js";
import * as store from "./store.js";

// State and cause have symbols.
const NOT_COLOURS = ["state", "cause", "stages", "architecture_id", "unsteady"];
const LIMITED = ["accuracy", "step", "step_ms", "parameters", "multiply_adds", "memory"];

/** @type {[SelectId, Word, () => Pick<Column, "id" | "label" | "menu">[]][]} */
const SELECTS = [
  ["axis-x", "x", () => columns.axes()],
  ["axis-y", "y", () => columns.axes()],
  ["colour", "colour", () => columns.all().filter(({ id }) => !NOT_COLOURS.includes(id))],
  [
    "size",
    "size",
    () => [
      ...columns
        .axes()
        .filter(({ id }) => ["parameters", "multiply_adds", "memory", "step"].includes(id)),
      { id: "equal", label: "all alike" },
    ],
  ],
];

export function listen() {
  for (const [id, name] of SELECTS) {
    byId(id).addEventListener("change", () => {
      state[name] = byId(id).value;
      if (id.startsWith("axis")) state.zoom = null;
      schedule("axes");
    });
  }
  byId("is-log").addEventListener("change", () => {
    Object.assign(state, { isLog: byId("is-log").checked, zoom: null });
    schedule("axes");
  });
  byId("front-only").addEventListener("change", () =>
    set({ frontOnly: byId("front-only").checked }),
  );
  byId("search").addEventListener("input", () => set({ text: byId("search").value }));
  byId("clear").addEventListener("click", () => {
    clearFilters();
    schedule("filter", "controls");
  });
  closeOnLeave();
  byId("zoom-in").addEventListener("click", () => plot.zoomBy(plot.ZOOM_STEP));
  byId("zoom-out").addEventListener("click", () => plot.zoomBy(1 / plot.ZOOM_STEP));
  byId("zoom-all").addEventListener("click", () => plot.zoomTo(null));
  byId("save-picture").addEventListener("click", plot.save);
}

/** The filters' box closes at a press beside it and at Esc. */
function closeOnLeave() {
  const box = /** @type {HTMLDetailsElement} */ (document.querySelector("details.pop"));
  window.addEventListener("pointerdown", ({ target }) => {
    if (!box.contains(/** @type {Node} */ (target))) box.open = false;
  });
  box.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !box.open) return;
    box.open = false;
    box.querySelector("summary").focus();
    event.stopPropagation();
  });
}

/** @param {Partial<ViewState>} change */
function set(change) {
  Object.assign(state, change);
  schedule("filter");
}

/** Brings the controls in line with the state, as after a link was opened. */
export function draw() {
  for (const [id, name, columns] of SELECTS) {
    byId(id).replaceChildren(
      ...columns().map(({ id: value, label, menu }) =>
        option(value, menu ?? label, state[name]),
      ),
    );
  }
  byId("is-log").checked = state.isLog;
  byId("front-only").checked = state.frontOnly;
  byId("search").value = state.text;
  byId("states").replaceChildren(...STATES.map(stateBox));
  const others = Object.keys(state.limits).filter((id) => !LIMITED.includes(id) && columns.find(id));
  const [choices, measures] = [true, false].map((isChoice) =>
    others.filter((id) => Boolean(columns.find(id).place) === isChoice),
  );
  byId("limits").replaceChildren(...[...LIMITED, ...measures].map(limitLine), ...choices.map(choiceLine));
}

/** @param {State} name */
function stateBox(name) {
  const change = () => {
    state.states[box.checked ? "add" : "delete"](name);
    schedule("filter");
  };
  const box = element("input", {
    type: "checkbox",
    value: name,
    checked: state.states.has(name),
    onchange: change,
  });
  return element(
    "label",
    {},
    box,
    name === "complete" ? "" : legend.symbol(name),
    ` ${name}`,
  );
}

/** @param {string} id */
function limitLine(id) {
  const column = columns.find(id);
  const ends = state.limits[id] ?? [null, null];
  /** @param {number} place @param {string} name */
  const field = (place, name) =>
    element("input", {
      type: "number",
      step: "any",
      value: ends[place],
      placeholder: name,
      "aria-label": `${column.label}, ${name}`,
      onchange: (event) => limit(id, place, event.target.value),
    });
  return element(
    "div.limit",
    {},
    element("span", {}, columns.title(column)),
    field(0, "at least"),
    field(1, "at most"),
  );
}

/** A choice is limited on its axis in the parallel coordinates, and let go here. @param {string} id */
function choiceLine(id) {
  const { label } = columns.find(id);
  const { options } = store.parameters().find(({ name }) => name === id);
  const [low, high] = state.limits[id];
  const kept = options.slice(low ?? 0, (high ?? options.length) + 1).join(", ");
  const undo = () => {
    delete state.limits[id];
    schedule("filter", "controls");
  };
  return element(
    "div.limit.choice",
    {},
    element("span", {}, `${label}: ${kept}`),
    element("button.link", { type: "button", onclick: undo, "aria-label": `all of ${label}` }, "all"),
  );
}

/** @param {string} id @param {number} place @param {string} text */
function limit(id, place, text) {
  /** @type {Limits} */
  const ends = [...(state.limits[id] ?? [null, null])];
  ends[place] = text === "" ? null : Number(text);
  if (ends.every((end) => end === null)) delete state.limits[id];
  else state.limits[id] = ends;
  schedule("filter");
}

/** Candidates, and the trainings that are not of new ones. @param {Row[]} rows */
function counted(rows) {
  const again = rows.filter((row) => row.confirms !== null).length;
  const candidates = `${count(rows.length - again)} candidates`;
  return again ? `${candidates} and ${count(again)} repeated trainings` : candidates;
}

/** What can be searched for, where nothing was found. @param {Row[]} shown */
const hint = (shown) =>
  shown.length === 0 && state.text
    ? "; try 17, memory, stage2=fused, stage2.kernel=5, accuracy>60, state:failed"
    : "";

/** How many of all pass. */
export function drawCount() {
  const { shown, rows } = model;
  const isFiltered = shown.length < rows.length;
  byId("shown").textContent = isFiltered
    ? `${count(shown.length)} of ${count(rows.length)} shown${hint(shown)}`
    : counted(rows);
  byId("clear").hidden = !isFiltered;
}
