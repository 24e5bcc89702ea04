import assert from "node:assert/strict";
import test from "node:test";
import { front, sizes, volumes } from "../../../../results/dashboard/page/front.js";
import { row } from "./made.js";

const step = { id: "step", better: "low", value: (row) => row.normalized_step_time };
const accuracy = { id: "accuracy", better: "high", value: (row) => row.accuracy };
const throughput = { id: "throughput", better: "high", value: (row) => 1 / row.normalized_step_time };
const numbers = (rows) => rows.map(({ number }) => number);

test("the front holds those that none dominates, in the order of x", () => {
  const rows = [row(0, 0.9, 1), row(1, 0.8, 0.5), row(2, 0.7, 0.7), row(3, 0.95, 2)];
  assert.deepEqual(numbers(front(rows, step, accuracy)), [1, 0, 3]);
  assert.deepEqual(numbers(front(rows, throughput, accuracy)), [3, 0, 1]);
});

test("equals stay on the front together", () => {
  assert.deepEqual(numbers(front([row(0, 0.9, 1), row(1, 0.9, 1)], step, accuracy)), [0, 1]);
});

test("a tie in one quantity is dominated by the better other", () => {
  const rows = [row(0, 0.9, 1), row(1, 0.9, 0.9), row(2, 0.8, 0.9)];
  assert.deepEqual(numbers(front(rows, step, accuracy)), [1]);
});

test("one that failed or trains another again is not on the front", () => {
  const rows = [
    row(0, 0.8, 1),
    row(1, 0.9, 1, 1, { state: "failed" }),
    row(2, 0.9, 1, 1, { confirms: 0 }),
  ];
  assert.deepEqual(numbers(front(rows, step, accuracy)), [0]);
});

test("there is no front of a quantity with itself or without a better side", () => {
  assert.deepEqual(front([row(0, 0.8, 1)], step, step), []);
  assert.deepEqual(front([row(0, 0.8, 1)], step, { id: "layers", value: () => 3 }), []);
});

test("the size of the front after each candidate", () => {
  const rows = [row(0, 0.8, 1), row(1, 0.9, 2), row(2, 0.7, 3), row(3, 0.95, 0.5)];
  assert.deepEqual(sizes(rows), [1, 2, 2, 1]);
});

test("the hypervolume is the dominated share of the rectangle of all", () => {
  const rows = [row(0, 0.5, 1), row(1, 0.9, 4), row(2, 0.7, 2), row(3, 0.9, 1)];
  const found = volumes(rows).map((volume) => Number(volume.toFixed(6)));
  assert.deepEqual(found, [0, 0, 0.25, 1]);
});

test("without two different rows there is no rectangle", () => {
  assert.deepEqual(volumes([]), []);
  assert.deepEqual(volumes([row(0, 0.8, 1), row(1, 0.8, 1)]), [0, 0]);
});
