/** What the reader has set: the view, the filters and the numbers of the reward. */

/** @type {State[]} */
export const STATES = ["complete", "failed", "infeasible", "stopped", "running", "duplicate"];
/** @returns {ViewState} */
export const initial = () => ({
  view: "plot",
  x: "step",
  y: "accuracy",
  isLog: false,
  colour: "reward",
  size: "parameters",
  w: null,
  v: null,
  T: null,
  alpha: null,
  beta: null,
  states: new Set(STATES),
  frontOnly: false,
  text: "",
  limits: {},
  hidden: new Set(),
  zoom: null,
  selected: [],
  pointed: null,
  sort: "reward",
  descending: true,
  over: "candidates",
  population: "accuracy",
  split: "run",
  stage: "all stages",
});
/** @type {NumberName[]} */
export const NUMBERS = ["w", "v", "T", "alpha", "beta"];

export const state = initial();
/** @type {Objective} */
let own = { form: "product", numbers: { w: -0.07, v: -0.05 }, is_in_seconds: false };

/** The reward as it is set: the run's own numbers where the reader has set none. */
export function currentObjective() {
  const numbers = { ...own.numbers };
  for (const name of numberNames()) if (isValid(name, state[name])) numbers[name] = state[name];
  return { ...own, numbers };
}

/** The numbers that the reward's form has. */
export const numberNames = () => NUMBERS.filter((name) => name in own.numbers);

/** An address may hold anything. @param {NumberName} name @param {number | null} value */
const isValid = (name, value) => value !== null && (name === "T" ? value > 0 : value <= 0);

/** Back to the run's own reward. */
export function resetObjective() {
  for (const name of NUMBERS) state[name] = null;
}

/** The run's own reward. */
export const ownObjective = () => own;

/** @param {Objective} objective */
export function setOwnObjective(objective) {
  own = objective;
}

/** Back to what an address without a state shows, but for what is looked at. */
export function clearFilters() {
  const { states, frontOnly, text, limits, hidden } = initial();
  Object.assign(state, { states, frontOnly, text, limits, hidden });
}
