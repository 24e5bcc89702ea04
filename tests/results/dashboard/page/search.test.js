import assert from "node:assert/strict";
import test from "node:test";
import { predicate } from "../../../../results/dashboard/page/search.js";
import * as store from "../../../../results/dashboard/page/store.js";
import { row } from "./made.js";

const choice = (name, options) => ({
  name,
  stage: Number(name[5]),
  choice: name.split(".")[1],
  options,
});
const run = {
  id: 0,
  label: "made",
  metric: { title: "accuracy", short: "acc." },
  space: {
    stages: [],
    parameters: [
      choice("stage1.kernel", [3, 5]),
      choice("stage2.operator", ["mbconv", "fused_mbconv"]),
      choice("stage2.kernel", [3, 5]),
    ],
  },
};
store.runs.push(run);

const rows = [
  row(3, 0.95, 1, 1, { worker: "node-1", parameters: 12_000, choices: ["stage2.operator", 0] }),
  row(33, 0.9, 0.5, 1, { worker: "node-2", parameters: 30_000, choices: ["stage2.operator", 1] }),
  row(7, null, 0.7, 1, { state: "failed", cause: "out_of_memory", detail: "at epoch 33" }),
].map((one, place) => ({
  ...one,
  run,
  cause: one.cause ?? null,
  architecture_id: ["33ab7f0c12de", "f07c33ab12de", "0123456789ab"][place],
  choices: { "stage1.kernel": 1, [one.choices?.[0] ?? ""]: one.choices?.[1] ?? null, "stage2.kernel": 0 },
}));

const found = (text) => rows.filter(predicate(text)).map(({ number }) => number);

test("an empty search finds all", () => assert.deepEqual(found("  "), [3, 33, 7]));

test("a number is a candidate's, not a part of a hash or of another number", () => {
  assert.deepEqual(found("3"), [3]);
  assert.deepEqual(found("#33"), [33]);
  assert.deepEqual(found("12"), []);
});

test("a hash is found by its first eight letters, or by name", () => {
  assert.deepEqual(found("33ab"), []);
  assert.deepEqual(found("33ab7f0c"), [3]);
  assert.deepEqual(found("hash:33ab"), [3]);
});

test("words are parts of states, causes, workers and details, and all must be there", () => {
  assert.deepEqual(found("MEMORY"), [7]);
  assert.deepEqual(found("node"), [3, 33]);
  assert.deepEqual(found("node-2 complete"), [33]);
  assert.deepEqual(found("node-2 failed"), []);
});

test("conditions on states, choices and measures", () => {
  assert.deepEqual(found("state:failed"), [7]);
  assert.deepEqual(found("stage2=fused"), [33]);
  assert.deepEqual(found("stage2=mbconv"), [3]);
  assert.deepEqual(found("stage2.kernel=3 stage1=5"), [3, 33, 7]);
  assert.deepEqual(found("accuracy>92"), [3]);
  assert.deepEqual(found("parameters<20k"), [3]);
  assert.deepEqual(found("step<=0.5"), [33]);
  assert.deepEqual(found("candidate=7"), [7]);
});

test("a minus turns round", () => {
  assert.deepEqual(found("-state:failed"), [3, 33]);
  assert.deepEqual(found("-node-1 -memory"), [33]);
});

test("what only looks like a condition is a word", () => assert.deepEqual(found("a=b"), []));
