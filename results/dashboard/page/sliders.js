/** The sliders for the reward's numbers. */

import { byId, element } from "./dom.js";
import { exponent, fixed } from "./format.js";
import { schedule } from "./schedule.js";
import { currentObjective, numberNames, ownObjective, resetObjective, state } from "./state.js";
import * as store from "./store.js";

const STEP = 0.005; // of an exponent's slider
const LOWEST = -0.3; // its lower end; the other is 0
const STEEPEST = -2; // its lower end where the run's own is below the other one
const TARGETS = [0.2, 3]; // the ends of T's slider, in units of S0

/** @type {{[name in NumberName]: string}} */
const MEANINGS = {
  w: "step time",
  v: "parameters",
  T: "target",
  alpha: "up to T",
  beta: "above T",
};

/** @type {{[form in Form]: () => (Node | string)[]}} */
const FORMULAS = {
  product: () => ["A · (S/S0)", element("sup", {}, "w"), " · (P/P0)", element("sup", {}, "v")],
  power: () => ["A · (S/T)", element("sup", {}, "alpha"), ", beta above T"],
  absolute: () => ["A + beta · |S/T − 1|"],
  own: () => [`${ownObjective().name}(A, S/S0, P/P0)`],
};

export function listen() {
  byId("own-numbers").addEventListener("click", () => {
    resetObjective();
    schedule("reward");
  });
}

/** @type {number | null} */
let slidAt = null;

/** @param {NumberName} name @param {Event} event */
function slid(name, event) {
  const slider = /** @type {HTMLInputElement} */ (event.target);
  state[name] = Number(slider.value);
  slidAt ??= event.timeStamp;
  schedule("reward");
}

/** After an answer to a slider is on the screen: how long it took, for the benchmark. */
export function answered() {
  if (slidAt === null) return;
  const start = slidAt;
  slidAt = null;
  requestAnimationFrame(() =>
    setTimeout(() => {
      performance.measure("nas:slider", { start, end: performance.now() });
      const { dataset } = document.documentElement;
      dataset.answered = String(Number(dataset.answered ?? 0) + 1);
    }),
  );
}

let form = "";

/** The formula, and a slider for each of its numbers. @param {Form} next */
export function drawForm(next) {
  if (next === form) return;
  form = next;
  byId("formula").replaceChildren(...FORMULAS[next]());
  byId("sliders").replaceChildren(...numberNames().map(slider));
}

/** @param {NumberName} name */
function slider(name) {
  const unit = name === "T" ? (ownObjective().is_in_seconds ? " (ms)" : " (S0)") : "";
  const isBoth = name === "beta" && form === "absolute";
  return element(
    "div.slider",
    {},
    element(
      "label",
      { for: name },
      `${name} `,
      element("span.muted", {}, isBoth ? "slope" : MEANINGS[name] + unit),
    ),
    element(
      "span.track",
      {},
      element("span.band", { id: `${name}-band`, hidden: true }),
      element("input", {
        id: name,
        type: "range",
        oninput: (event) => slid(name, event),
      }),
    ),
    element("output", { id: `${name}-value`, for: name }),
  );
}

/**
 * A slider's ends and step. The run's own number and the one that is set are always within.
 * @param {NumberName} name @returns {{ends: Ends, step: number}}
 */
function scale(name) {
  const own = ownObjective();
  const values = [own.numbers[name], currentObjective().numbers[name]];
  if (name !== "T") {
    const low = own.numbers[name] < LOWEST ? STEEPEST : LOWEST;
    return { ends: [Math.min(low, ...values), 0], step: STEP };
  }
  const unit = own.is_in_seconds ? referenceStepTime() : 1;
  const step = 10 ** Math.floor(Math.log10(unit / 50));
  const [low, high] = TARGETS.map((target) => tidy(Math.round((target * unit) / step) * step));
  return { ends: [Math.min(low, ...values), Math.max(high, ...values)], step };
}

/** S0 of the first run where it is known. */
function referenceStepTime() {
  const run = store.runs.find(({ reference }) => reference?.step_time_s > 0);
  return run?.reference.step_time_s ?? ownObjective().numbers.T;
}

/** @param {number} value */
const tidy = (value) => Number(value.toPrecision(12));

/** @param {NumberName} name @param {number} value @param {StableRange | null} stable */
export function drawSlider(name, value, stable) {
  const input = byId(name);
  const { ends, step } = scale(name);
  Object.assign(input, { min: String(ends[0]), max: String(ends[1]), step: String(step) });
  if (Number(input.value) !== value) input.value = String(value);
  byId(`${name}-value`).textContent = written(name, value);
  const band = byId(`${name}-band`);
  band.hidden = !stable;
  if (!stable) return;
  const width = ends[1] - ends[0];
  band.style.left = `${(100 * (stable.low - ends[0])) / width}%`;
  band.style.width = `${(100 * (stable.high - stable.low)) / width}%`;
}

/** @param {NumberName} name @param {number} value */
export function written(name, value) {
  if (name !== "T") return exponent(value);
  return ownObjective().is_in_seconds ? fixed(1)(1000 * value) : fixed(2)(value);
}

/** The ends of a number's slider. @param {NumberName} name */
export const ends = (name) => scale(name).ends;
