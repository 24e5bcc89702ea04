import assert from "node:assert/strict";
import test from "node:test";
import { compared } from "../../../../results/dashboard/page/course.js";
import { row } from "./made.js";

/** A run whose candidates end every minute, with these accuracies, S/S0 and rewards. */
const run = (id, ...facts) => ({
  id,
  created_at: 1000,
  candidates: new Map(
    facts.map(([accuracy, step, reward], number) => [
      number,
      row(number, accuracy, step, 1, { reward, finished_at: 1000 + 60 * (number + 1) }),
    ]),
  ),
});

test("each run's best, and after how many candidates it reached what all reach", () => {
  const [slow, fast] = compared([
    run(0, [0.5, 1, 0.5], [0.6, 1, 0.6], [0.7, 1, 0.7]),
    run(1, [0.8, 1, 0.8], [0.9, 1, 0.9]),
  ]);
  assert.deepEqual([slow.best.number, slow.target], [2, { after: 3, time: 180 }]);
  assert.deepEqual([fast.best.number, fast.target], [1, { after: 1, time: 60 }]);
});

test("hypervolume and front are those of the runs together", () => {
  const [a, b] = compared([
    run(0, [0.5, 2, 0.5], [0.9, 2, 0.9]),
    run(1, [0.7, 1, 0.7], [0.6, 1, 0.6]),
  ]);
  assert.deepEqual([a.onFront, b.onFront], [1, 1]);
  assert.equal(a.volume, 0); // the most accurate is the slowest: no area beyond it
  assert.ok(Math.abs(b.volume - 0.5) < 1e-12); // 0.7 is half way from 0.5 to 0.9, at the fastest
});

test("a run without a reward has no best, and no target is told", () => {
  const [none, some] = compared([run(0, [0.5, 1, null]), run(1, [0.5, 1, 0.5])]);
  assert.deepEqual([none.best, none.target, some.target], [null, null, null]);
  assert.equal(some.best.number, 0);
});
