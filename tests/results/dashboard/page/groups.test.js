import assert from "node:assert/strict";
import test from "node:test";
import * as groups from "../../../../results/dashboard/page/groups.js";
import { model } from "../../../../results/dashboard/page/model.js";
import { initial, state } from "../../../../results/dashboard/page/state.js";
import { row } from "./made.js";

const rows = [
  row(0, 0.9, 1),
  row(1, 0.8, 1),
  row(2, 0.7, 1, 1, { state: "stopped", cause: "asha" }),
  row(3, null, 1, 1, { state: "failed", cause: "diverged" }),
  row(4, null, 1, 1, { state: "running" }),
  row(5, 0.6, 0.5),
  row(6, 0.5, 1),
];
Object.assign(state, initial(), { selected: ["0:1"] });
Object.assign(model, { winner: rows[0], faded: new Set([rows[6]]), onFront: new Set([rows[0], rows[5]]) });

test("each candidate is in one group, and what was chosen stands out first", () => {
  const expected = ["winner", "selected", "stopped", "failed", "running", "front", "faded"];
  assert.deepEqual(rows.map(groups.groupOf), expected);
});

test("a filter that leaves out the winner fades it too", () => {
  const { faded } = model;
  model.faded = new Set([rows[0]]);
  assert.equal(groups.groupOf(rows[0]), "faded");
  model.faded = faded;
});

test("groups are drawn from those that recede to the winner", () => {
  const members = rows.map((one) => ({ row: one, x: [1], y: [1] }));
  const found = groups.grouped(members).map(([group, own]) => [group, own[0].row.number]);
  assert.deepEqual(found, [
    ["faded", 6],
    ["failed", 3],
    ["stopped", 2],
    ["front", 5],
    ["running", 4],
    ["selected", 1],
    ["winner", 0],
  ]);
});

test("the more there are, the fainter each is, within limits", () => {
  const found = [1, 100, 10_000, 1e8].map((count) => groups.faintness(count, "lines"));
  assert.deepEqual(found, [0.6, 0.4, 0.05, 0.05]);
});

test("a tip begins with whose it is and how it stands", () => {
  const said = rows.slice(0, 4).map(groups.told);
  assert.deepEqual(said, [
    "candidate 0, the winner, on the front",
    "candidate 1",
    "candidate 2, stopped: asha",
    "candidate 3, failed: diverged",
  ]);
});

test("another training says of whom, and a training of the backbone that it is one", () => {
  const again = row(8, 0.5, 1, 1, { confirms: 2, fidelity: "full" });
  assert.equal(groups.told(again), "candidate 8, another training of no. 2 (full)");
  assert.equal(groups.told(row(9, 0.5, 1, 1, { confirms: -1 })), "backbone (no. 9)");
});
