/** What follows from the data and the reader's settings: who is shown, first, on the front. */

import * as columns from "./columns.js";
import * as front from "./front.js";
import * as objective from "./objective.js";
import * as search from "./search.js";
import { currentObjective, state } from "./state.js";
import * as store from "./store.js";
import * as together from "./together.js";

const TOP = 10;

/** @type {Model} */
export const model = {
  rows: [],
  shown: [],
  faded: new Set(),
  ranked: [],
  ranking: [],
  refusal: null,
  winner: null,
  fronts: new Map(),
  onFront: new Set(),
  references: [],
};

/** @param {Set<Reason>} reasons of the change */
export function refresh(reasons) {
  /** @type {Has} */
  const has = (...names) => names.some((name) => reasons.has(name));
  if (has("data")) model.rows = store.all();
  if (has("data", "reward")) objective.evaluate(model.rows, currentObjective());
  const { x, y, limits } = state;
  const byReward = [x, y, ...Object.keys(limits)].includes("reward") && has("reward");
  if (has("data", "filter", "axes") || byReward) {
    model.ranked = model.rows.filter((row) => !state.hidden.has(row.run.id));
    findFronts();
    filter();
  }
  if (has("data", "filter", "reward")) rank();
  if (has("data")) model.references = references();
}

/** Among all candidates of the runs that are shown, whatever the filters; if they compare. */
function rank() {
  const runs = shownRuns();
  model.refusal = together.refusal(runs);
  model.ranking = model.refusal ? [] : objective.best(model.ranked, TOP);
  model.winner = runsWinner(runs) ?? model.ranking[0] ?? null;
}

/** The runs that can be read and are not hidden. */
export const shownRuns = () =>
  store.runs.filter((run) => !run.problem && !state.hidden.has(run.id));

/**
 * The winner in best.json, by the mean of its trainings where candidates were confirmed.
 * @param {Run[]} runs
 */
function runsWinner(runs) {
  const verdict = runs.length === 1 && ownVerdict(runs[0]);
  return verdict ? (runs[0].candidates.get(verdict.winner) ?? null) : null;
}

/** A run's verdict, where it is on the reward as it is set. @param {Run} run */
export function ownVerdict({ verdict }) {
  const { text } = objective;
  const isOn = verdict && text(verdict.objective) === text(currentObjective());
  return isOn ? verdict : null;
}

/** Filters change what is shown, not who is on a front or wins. */
function filter() {
  const { states, text, limits, frontOnly } = state;
  const matches = search.predicate(text);
  const bounds = Object.entries(limits)
    .map(([id, ends]) => ({ column: columns.find(id), ends }))
    .filter(({ column }) => column)
    .map(({ column, ends }) => ({ value: column.place ?? column.value, ends }));
  /** @param {Row} row */
  const passes = (row) =>
    states.has(row.state) &&
    bounds.every(({ value, ends }) => isWithin(value(row), ends)) &&
    (!frontOnly || model.onFront.has(row)) &&
    matches(row);
  model.shown = model.ranked.filter(passes);
  const shown = new Set(model.shown);
  model.faded = new Set(model.ranked.filter((row) => !shown.has(row)));
}

/** @param {any} value @param {Limits} ends */
function isWithin(value, [low, high]) {
  return (
    (low === null || (value !== null && value >= low)) &&
    (high === null || (value !== null && value <= high))
  );
}

function findFronts() {
  const [x, y] = plotted();
  model.fronts = new Map();
  for (const run of store.runs) {
    const own = model.ranked.filter((row) => row.run === run);
    model.fronts.set(run, front.front(own, x, y));
  }
  model.onFront = new Set([...model.fronts.values()].flat());
}

/**
 * The two columns on the axes; an address may name one that is not there.
 * @returns {[Column, Column]}
 */
export function plotted() {
  const known = columns.axes();
  /** @param {string} id @param {string} otherwise */
  const named = (id, otherwise) =>
    known.find((column) => column.id === id) ?? known.find((column) => column.id === otherwise);
  return [named(state.x, "step"), named(state.y, "accuracy")];
}

/** Backbones and benched networks in the form of rows, so that columns read them too. */
function references() {
  /** @type {Pick<Row, "state" | "reward" | "logs">} */
  const empty = { state: "reference", reward: null, logs: null };
  /** @type {Row[]} */
  const found = [];
  for (const run of store.runs) {
    if (run.reference) found.push({ ...empty, ...run.reference, run });
    for (const bench of store.benches) {
      const normalized = bench.normalized_step_time[run.id] ?? null;
      found.push({ ...empty, ...bench, run, normalized_step_time: normalized });
    }
  }
  return found;
}
