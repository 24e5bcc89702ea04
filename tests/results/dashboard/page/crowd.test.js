import assert from "node:assert/strict";
import test from "node:test";
import * as crowd from "../../../../results/dashboard/page/crowd.js";

/** A chart 100 px wide and high, x and y from 0 to 10. */
const frame = { toX: (value) => 10 * value, toY: (value) => 100 - 10 * value };
const say = ({ number }, at) => `${number} at ${at}`;
const mark = (members, form = "lines") => ({ kind: "crowd", form, members, say, width: 1, colour: "red" });
const member = (number, y, x = y.map((_, at) => at + 1)) => ({ row: { number }, x, y });

test("each member's values stand one after another's, and a gap is not a number", () => {
  const { starts, xs, ys } = crowd.place(mark([member(0, [1, null, 3]), member(1, [5])]), frame);
  assert.deepEqual([...starts], [0, 3, 4]);
  assert.deepEqual([...xs], [10, 20, 30, 10]);
  assert.deepEqual([...ys], [90, NaN, 70, 50]);
});

test("a place between two values is on the line, and the nearer of them is found", () => {
  const placed = crowd.place(mark([member(7, [2, 2]), member(8, [6, 6])]), frame);
  const { row, at, gap } = crowd.nearest(placed, 17, 82, 24);
  assert.deepEqual([row.number, at, Math.round(gap)], [7, 1, 2]);
  assert.equal(crowd.nearest(placed, 12, 41, 24).at, 0);
  assert.equal(crowd.nearest(placed, 17, 82, 1), null);
});

test("no line crosses a gap", () => {
  const placed = crowd.place(mark([member(0, [2, null, 2])]), frame);
  assert.equal(crowd.nearest(placed, 20, 80, 5), null);
  assert.equal(crowd.outline(crowd.spotAt(placed, 0, 0)), "M10.0 80.0M30.0 80.0");
});

test("of points that overlap the one drawn last is found", () => {
  const placed = crowd.place(mark([member(0, [2]), member(1, [2])], "points"), frame);
  assert.equal(crowd.nearest(placed, 10, 80, 5).row.number, 1);
});

test("what says nothing has no spots; the others have one each value", () => {
  const members = [member(0, [1, null, 3]), member(1, [5])];
  const spots = crowd.spots(crowd.place(mark(members), frame));
  assert.deepEqual(spots.map(({ row, at }) => say(row, at)), ["0 at 0", "0 at 2", "1 at 0"]);
  assert.deepEqual(crowd.spots(crowd.place({ ...mark(members), say: undefined }, frame)), []);
});

test("the distance from a segment is that from its nearest point", () => {
  assert.equal(crowd.fromSegment(5, 3, 0, 0, 10, 0), 3);
  assert.equal(crowd.fromSegment(13, 4, 0, 0, 10, 0), 5);
  assert.equal(crowd.fromSegment(3, 4, 0, 0, 0, 0), 5);
});
