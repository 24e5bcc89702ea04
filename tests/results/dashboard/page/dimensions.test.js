import assert from "node:assert/strict";
import test from "node:test";
import * as dimensions from "../../../../results/dashboard/page/dimensions.js";
import { model, refresh } from "../../../../results/dashboard/page/model.js";
import { initial, state } from "../../../../results/dashboard/page/state.js";
import * as store from "../../../../results/dashboard/page/store.js";
import { row } from "./made.js";

const choice = (name, options) => ({
  name,
  stage: Number(name[5]),
  choice: name.split(".")[1],
  options,
});
const run = (id, parameters, rows) => {
  const made = { id, label: `run ${id}`, metric: { title: "accuracy", short: "acc." }, basis: {}, space: { parameters } };
  const own = rows.map((one) => ({ ...one, run: made, key: `${id}:${one.number}` }));
  made.candidates = new Map(own.map((one) => [one.number, one]));
  store.runs.push(made);
  return own;
};
const first = run(
  0,
  [choice("stage1.operator", ["mbconv", "fused_mbconv"]), choice("stage1.kernel", [3, 7]), choice("stage1.layers", [2])],
  [
    row(0, 0.9, 1, 1, { parameters: 100, choices: { "stage1.operator": 1, "stage1.kernel": 1, "stage1.layers": 0 } }),
    row(1, 0.5, 2, 1, { parameters: 300, choices: { "stage1.operator": 0, "stage1.kernel": null, "stage1.layers": 0 } }),
  ],
);
const second = run(
  1,
  [choice("stage1.kernel", [5, 3])],
  [row(0, 0.7, 1.5, 1, { parameters: 200, choices: { "stage1.kernel": 0 } })],
);
const all = [...first, ...second];
const own = dimensions.dimensions(all);
const [operator, kernel, step, , accuracy] = own;

test("an axis each choice that has options, then the measures", () => {
  const ids = ["stage1.operator", "stage1.kernel", "step", "parameters", "accuracy", "reward"];
  assert.deepEqual(own.map(({ id }) => id), ids);
  assert.deepEqual([kernel.group, kernel.title, kernel.label], ["stage 1", "kernel", "stage 1 kernel"]);
  assert.deepEqual(operator.ticks.map(({ text }) => text), ["MB", "F"]);
  assert.equal(accuracy.title, "acc. %");
});

test("of runs with other options an axis has all, and each candidate stands at its own", () => {
  assert.deepEqual(kernel.ticks.map(({ text }) => text), ["3", "5", "7"]);
  assert.deepEqual(all.map(kernel.value), [2, null, 1]);
  assert.deepEqual(all.map(operator.value), [1, 0, null]);
  assert.equal(kernel.text(kernel.value(second[0])), "5");
});

test("what has no value stands below the axis", () => {
  all.forEach((one, at) => (one.reward = [0.9, 0.5, null][at]));
  const members = dimensions.members(own, all, all);
  assert.equal(members[1].y[1], dimensions.NONE);
  assert.equal(members[2].y[0], dimensions.NONE);
  assert.ok(members.flatMap(({ y }) => y).every((at) => at === dimensions.NONE || (at >= 0 && at <= 1)));
});

test("candidates of one option stand in its room, the higher reward above", () => {
  const rows = [0.3, 0.1, 0.2].map((reward, number) => ({ ...first[0], number, reward }));
  const places = dimensions.members([operator], rows, rows).map(({ y }) => y[0]);
  assert.ok(places[0] > places[2] && places[2] > places[1]);
  assert.ok(places.every((at) => at > 0.5 && at < 1)); // the upper one of two
});

test("limits of a choice are places, and an end of the axis is no limit", () => {
  assert.deepEqual(dimensions.limits(kernel, 0.6, 1.4), [1, 1]);
  assert.deepEqual(dimensions.limits(kernel, 2.5, 1.2), [1, null]);
  assert.deepEqual(dimensions.limits(kernel, -0.5, 0.3), [null, 0]);
  assert.equal(dimensions.limits(kernel, -0.5, 2.5), null);
});

test("limits of a measure are round, whichever way they were dragged", () => {
  assert.deepEqual(step.ends.map((end) => Number(end.toFixed(6))), [0.97, 2.03]);
  assert.deepEqual(dimensions.limits(step, 1.7512345, 1.2498765), [1.25, 1.75]);
  assert.deepEqual(dimensions.limits(step, 0.9, 1.2498765), [null, 1.25]);
  assert.deepEqual(dimensions.limits(step, step.ends[1], 1.2498765), [1.25, null]);
});

test("where limits begin and end", () => {
  assert.deepEqual(dimensions.edges(kernel, undefined), [0, 2]);
  assert.deepEqual(dimensions.edges(kernel, [1, null]), [1, 2]);
  assert.deepEqual(dimensions.edges(kernel, [-9, 99]), [0, 2]); // an address may hold anything
});

test("of very many an even share is drawn, with the highest reward", () => {
  const rows = Array.from({ length: 101 }, (_, number) => ({ ...first[0], number, reward: (number * 37) % 101 }));
  const kept = dimensions.thinned(rows, 5).map(({ reward }) => reward);
  assert.deepEqual(kept, [0, 25, 50, 75, 100]);
  assert.equal(dimensions.thinned(rows, 101), rows);
});

test("a filter limits a choice by its option's place, in every run", () => {
  Object.assign(state, initial(), { limits: { "stage1.kernel": [1, null] } });
  refresh(new Set(["data", "filter", "reward"]));
  assert.deepEqual(model.shown.map(({ key }) => key), ["0:0", "1:0"]);
  assert.deepEqual([...model.faded].map(({ key }) => key), ["0:1"]);
  assert.equal(model.winner.key, "0:0");
});
