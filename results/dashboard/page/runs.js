/** The runs in the page's head: how each stands, whether it is shown, and what is wrong with it. */

import * as colours from "./colours.js";
import { bar, byId, element, focused } from "./dom.js";
import { moment } from "./format.js";
import * as notes from "./notes.js";
import { schedule } from "./schedule.js";
import * as source from "./source.js";
import * as standing from "./standing.js";
import { state } from "./state.js";
import * as store from "./store.js";

const MOMENT_MS = 30_000; // after which the time left is written anew

/** Writes the time left anew from time to time. */
export function listen() {
  setInterval(() => {
    if (store.runs.some((run) => run.is_searching)) draw();
  }, MOMENT_MS);
}

export function draw() {
  const { runs } = store;
  document.title = `${runs.map((run) => run.label).join(", ")} · nas`;
  const shown = focused()?.dataset.run;
  byId("runs").replaceChildren(...runs.filter((run) => !run.problem).map(chip));
  if (shown !== undefined)
    /** @type {HTMLElement | null} */ (
      byId("runs").querySelector(`[data-run="${CSS.escape(shown)}"]`)
    )?.focus();
  drawProblems();
  notes.draw();
}

/** @param {Run} run */
function chip(run) {
  const { text, share } = standing.of(run);
  const several = store.areSeveral();
  const live =
    run.is_searching &&
    !source.isReport() &&
    element("span.live", { title: "searching" }, "live");
  return element(
    "li",
    {},
    several && toggle(run),
    element("strong", { title: run.path }, run.label),
    element("span.muted", {}, run.title ?? ""),
    share !== null && bar(share, text),
    element("span", {}, text),
    live,
    notes.chips(notes.noteOf(run, null).tags),
  );
}

/** @param {Run} run */
function toggle(run) {
  const change = () => {
    state.hidden[box.checked ? "delete" : "add"](run.id);
    schedule("filter");
  };
  const box = element("input", {
    type: "checkbox",
    checked: !state.hidden.has(run.id),
    onchange: change,
    "aria-label": `show ${run.label}`,
    "data-run": run.id,
  });
  return element("label.swatch", {}, box, dot(run));
}

function drawProblems() {
  const problems = store.runs
    .filter((run) => run.problem)
    .map((run) =>
      element("p.problem", { role: "alert" }, element("strong", {}, run.path), ` ${run.problem}`),
    );
  const warnings = store.runs.flatMap((run) =>
    (run.warnings ?? []).map((text) => element("p.warning", {}, `${run.label}: ${text}`)),
  );
  byId("problems").replaceChildren(...problems, ...warnings);
}

export function drawSettings() {
  byId("settings").replaceChildren(
    ...store.runs
      .filter((run) => run.settings)
      .map((run) => {
        const facts = Object.entries({ path: run.path, ...run.settings });
        return element(
          "dl.facts",
          {},
          facts.flatMap(([name, value]) => [
            element("dt", {}, name),
            element("dd", {}, shown(name, value)),
          ]),
        );
      }),
  );
}

/** @param {string} name of a setting @param {unknown} value */
function shown(name, value) {
  if (name === "until" && value !== null) return moment(value);
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** A run's colour, where its candidates stand among others'. @param {Run} run */
export function dot(run) {
  const mark = element("span.dot", { title: run.label });
  mark.style.background = colours.ofRun(run);
  return mark;
}
