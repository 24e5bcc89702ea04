import assert from "node:assert/strict";
import test from "node:test";
import * as format from "../../../../results/dashboard/page/format.js";

test("numbers", () => {
  assert.equal(format.count(86512.4), "86,512");
  assert.equal(format.short(86500), "86.5 k");
  assert.equal(format.short(21_458_488), "21.5 M");
  assert.equal(format.fixed(2)(-0.001), "0.00");
  assert.equal(format.fixed(2)(-1234567.891), "-1,234,567.89");
  assert.equal(format.count(999.6), "1,000");
  assert.equal(format.exponent(-0.07), "−0.070");
  for (const missing of [null, undefined, NaN, Infinity, "1"])
    assert.equal(format.count(missing), format.MISSING);
});

test("durations have the unit that reads best", () => {
  const said = [0.25, 30, 600, 7200, 40 * 3600, 2 * 86400].map(format.duration);
  assert.deepEqual(said, ["250 ms", "30 s", "10 min", "2.0 h", "40.0 h", "2.0 days"]);
});

test("a range writes a shared unit once, and equal ends as one", () => {
  assert.equal(format.range([1500, 1860], format.duration), "25 to 31 min");
  assert.equal(format.range([1500, 7200], format.duration), "25 min to 2.0 h");
  assert.equal(format.range([1500, 1510], format.duration), "25 min");
});
