import assert from "node:assert/strict";
import test from "node:test";
import { refusal } from "../../../../results/dashboard/page/together.js";

/** @param {{[name: string]: [string, string] | string}} facts */
const run = (facts) => ({
  basis: Object.fromEntries(
    Object.entries({ data: "digits", epochs: "10", "image size": "32", ...facts }).map(
      ([name, value]) => {
        const [text, key] = typeof value === "string" ? [value, value] : value;
        return [name, { text, key }];
      },
    ),
  ),
});

test("runs with the same basis are ranked together, and a lone run always", () => {
  assert.equal(refusal([run({}), run({}), run({})]), null);
  assert.equal(refusal([run({})]), null);
  assert.equal(refusal([]), null);
});

test("a refusal names what differs, with each run's own", () => {
  assert.match(
    refusal([run({}), run({ data: "clothing", epochs: "6" })]),
    /no common ranking\. They differ in data \(digits, clothing\), epochs \(10, 6\)\. Hide/,
  );
});

test("data of one name are told apart by their hash", () => {
  const [here, there] = [run({ data: ["photos", "a"] }), run({ data: ["photos", "b"] })];
  assert.match(refusal([here, there]), /data \(all named photos, with other content\)/);
});

test("data of one name at another image size are the same data", () => {
  const [small, large] = [
    run({ data: ["photos", "a"] }),
    run({ data: ["photos", "b"], "image size": "64" }),
  ];
  assert.match(refusal([small, large]), /differ in image size \(32, 64\)\. Hide/);
});

test("what one run does not know yet, such as its device, is not compared", () => {
  assert.equal(refusal([run({ device: "EPYC" }), run({})]), null);
  assert.match(
    refusal([run({}), run({ device: "EPYC" }), run({ device: "H200" })]),
    /differ in device \(EPYC, H200\)\. Hide/,
  );
});
