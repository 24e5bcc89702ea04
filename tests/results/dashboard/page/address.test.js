import assert from "node:assert/strict";
import test from "node:test";
import { decode, encode } from "../../../../results/dashboard/page/address.js";
import { initial, state } from "../../../../results/dashboard/page/state.js";

test("an address holds what is set, and nothing else", () => {
  Object.assign(state, initial());
  assert.equal(encode(), "");
  Object.assign(state, { x: "parameters", isLog: true, w: -0.2, text: "stage2=fused" });
  Object.assign(state, { selected: ["0:3"], limits: { accuracy: [90, null] } });
  state.zoom = { x: [0, 1], y: [80, 95.5] };
  const text = encode();
  Object.assign(state, initial());
  decode(text);
  assert.deepEqual(
    [state.x, state.isLog, state.w, state.text, state.selected, state.limits, state.zoom],
    ["parameters", true, -0.2, "stage2=fused", ["0:3"], { accuracy: [90, null] }, { x: [0, 1], y: [80, 95.5] }],
  );
  assert.equal(encode(), text);
});

test("what an address cannot hold is left as at first", () => {
  decode("w=much&states=complete+gone&selected=x&zoom=1+2+3&limit.number=0");
  assert.equal(state.w, null);
  assert.deepEqual([...state.states], ["complete"]);
  assert.deepEqual([state.selected, state.zoom], [[], null]);
  assert.deepEqual(state.limits, { number: [0, null] });
});
