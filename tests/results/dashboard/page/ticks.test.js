import assert from "node:assert/strict";
import test from "node:test";
import { extent, padded, rounded, ticks, written } from "../../../../results/dashboard/page/ticks.js";

test("ticks are multiples of 1, 2 or 5 times a power of ten", () => {
  assert.deepEqual(ticks([0.17, 1.83], 10), [0.2, 0.4, 0.6, 0.8, 1, 1.2, 1.4, 1.6, 1.8]);
  assert.deepEqual(ticks([-0.05, 0.3], 3), [0, 0.2]);
  assert.deepEqual(ticks([86.8, 95.2], 9), [87, 88, 89, 90, 91, 92, 93, 94, 95]);
  assert.deepEqual([0.011, 0.2, 3, 70].map(rounded), [0.02, 0.2, 5, 100]);
});

test("a tick at the end is not lost to rounding", () => {
  assert.deepEqual(ticks([0, 0.3], 3), [0, 0.1, 0.2, 0.3]);
});

test("of a logarithmic axis the ends are exponents", () => {
  assert.deepEqual(ticks([0, 4], 5, true), [1, 10, 100, 1000, 10000]);
  assert.deepEqual(ticks([-1, 1], 5, true), [0.1, 0.2, 0.5, 1, 2, 5, 10]);
  assert.deepEqual(ticks([0, 0.5], 3, true), [1, 2, 3]); // 1 to 3.2
});

test("an axis without width has no ticks", () => {
  assert.deepEqual(ticks([1, 1], 5), []);
  assert.deepEqual(ticks([NaN, NaN], 5), []);
});

test("texts have equally many decimals, and large ones a prefix", () => {
  assert.deepEqual(written([0, 0.5, 1]), ["0.0", "0.5", "1.0"]);
  assert.deepEqual(written([-20, 0]), ["−20", "0"]);
  assert.deepEqual(written([0, 50_000, 100_000]), ["0", "50 k", "100 k"]);
});

test("ends", () => {
  assert.deepEqual(extent([3, 1, 2]), [1, 3]);
  assert.equal(extent([]), null);
  assert.deepEqual(padded([0, 10], 0.1), [-1, 11]);
  assert.deepEqual(padded([2, 2], 0.5), [1, 3]);
});
