import assert from "node:assert/strict";
import test from "node:test";
import * as objective from "../../../../results/dashboard/page/objective.js";
import { row } from "./made.js";

const near = (value, expected) =>
  assert.ok(Math.abs(value - expected) < 1e-12, `${value} is not ${expected}`);
const of = (form, numbers, isInSeconds = false) => ({ form, numbers, is_in_seconds: isInSeconds });

test("the reward of each form", () => {
  const one = row(0, 0.8, 4, 0.25);
  const reward = (at) => {
    objective.evaluate([one], at);
    return one.reward;
  };
  near(reward(of("product", { w: -0.5, v: -0.5 })), 0.8 * 0.5 * 2);
  near(reward(of("power", { T: 2, alpha: 0, beta: -1 })), 0.4);
  near(reward(of("power", { T: 8, alpha: -1, beta: -9 })), 1.6);
  near(reward(of("power", { T: 0.2, alpha: 0, beta: -1 }, true)), 0.4); // 4 * 0.1 s
  near(reward(of("absolute", { T: 2, beta: -0.1 })), 0.7);
});

test("a row without logarithms has no reward", () => {
  const one = row(0, 0.8, 4, 1, { logs: null });
  objective.evaluate([one], of("product", { w: -0.07, v: 0 }));
  assert.equal(one.reward, null);
});

test("of equal rewards the lowest number is first", () => {
  const rows = [row(2, 0.8, 1), row(1, 0.8, 1), row(0, 0.7, 1), row(3, 0.9, 1)];
  objective.evaluate(rows, of("product", { w: 0, v: 0 }));
  assert.deepEqual(objective.best(rows, 3).map(({ number }) => number), [3, 1, 2]);
});

test("the range of w in which the first one stays first", () => {
  // log A: 0 and log 0.5; log S: 0 and -2 log 2. They are equal at w = -0.5.
  const [first, fast] = [row(0, 1, 1), row(1, 0.5, 0.25)];
  const at = of("product", { w: -0.07, v: 0 });
  const { low, high, below, above } = objective.stableRange(first, [first, fast], at, "w", [-1, 0]);
  near(low, -0.5);
  assert.equal(below, fast);
  assert.deepEqual([high, above], [0, null]);
});

test("the texts that an address and --reward have", () => {
  assert.equal(objective.text(of("product", { w: -0.07, v: -0.05 })), "product:w=-0.07,v=-0.05");
  assert.equal(objective.text(of("absolute", { T: 0.05, beta: -1 }, true)), "absolute:T=0.05s,beta=-1");
  assert.equal(objective.text({ ...of("own", {}), name: "mine:reward" }), "mine:reward");
});

test("those that can win at some w and v", () => {
  const rows = [row(0, 0.9, 1, 1), row(1, 0.8, 1, 1), row(2, 0.8, 1, 0.5), row(3, 0.7, 0.5, 2)];
  assert.deepEqual(objective.undominated(rows).map(({ number }) => number), [0, 2, 3]);
});
