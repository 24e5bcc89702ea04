/** What runs now: each candidate's epoch, curve so far, step time and worker. */

import * as candidate from "./candidate.js";
import * as charts from "./charts.js";
import * as colours from "./colours.js";
import * as columns from "./columns.js";
import { byId, element } from "./dom.js";
import { count, duration, fixed, MISSING } from "./format.js";
import * as source from "./source.js";
import * as store from "./store.js";

const HEAD = ["candidate", "worker", "for", "epoch", "accuracy so far", "S/S0", "parameters", "stages"];

/** @param {Run[]} runs */
export function draw(runs) {
  const busy = source.isReport() ? [] : runs.filter(({ running }) => running?.length);
  byId("running").replaceChildren(
    ...(busy.length ? [element("h2", {}, "Running now")] : []),
    ...busy.map(table),
  );
  const place = byId("running-curves");
  const marks = busy.flatMap(({ running }) => running.filter(({ curve }) => curve.length).map(curveOf));
  place.hidden = marks.length === 0;
  if (marks.length === 0) return;
  charts.draw(place, {
    x: { title: "epoch", fromZero: true, isWhole: true },
    y: { title: columns.find("accuracy").label },
    marks,
  });
}

/** @param {Run} run */
function table(run) {
  return element(
    "div.scroll",
    { tabindex: 0, role: "group", "aria-label": `what runs of ${run.label}` },
    store.areSeveral() && element("h3", {}, run.label),
    element(
      "table.running",
      {},
      element("thead", {}, element("tr", {}, HEAD.map((text) => element("th", { scope: "col" }, text)))),
      element("tbody", {}, run.running.map((one) => line(run, one))),
    ),
  );
}

/** @param {Run} run @param {Running} one */
function line(run, one) {
  const row = run.candidates.get(one.number);
  const cells = [
    one.name ?? one.worker ?? MISSING,
    one.started_at === null ? MISSING : duration(Math.max(0, Date.now() / 1000 - one.started_at)),
    epochs(one),
    one.accuracy === null ? MISSING : `${fixed(2)(100 * one.accuracy)} %`,
    fixed(3)(one.normalized_step_time),
    count(one.parameters),
    row?.stages ?? MISSING,
  ];
  return element(
    "tr",
    {},
    element("td", {}, row ? candidate.link(row, titled(one)) : titled(one)),
    cells.map((text) => element("td", {}, text)),
  );
}

/** A candidate's number; of one that is trained again, also whose. @param {Running} one */
function titled({ number, confirms }) {
  if (confirms === null) return String(number);
  return `${number} (${confirms < 0 ? "backbone" : `${confirms} again`})`;
}

/** @param {Running} one */
function epochs({ curve, epochs: planned }) {
  const done = curve.at(-1)?.[0] ?? 0;
  return planned === null ? String(done) : `${done} of ${planned}`;
}

/** @param {Running} one @param {number} place @returns {Mark} */
function curveOf(one, place) {
  return {
    kind: "curve",
    name: titled(one),
    colour: colours.category(place),
    x: one.curve.map(([epoch]) => epoch),
    y: one.curve.map(([, , accuracy]) => 100 * accuracy),
    tip: (at) => `no. ${titled(one)}, epoch ${one.curve[at][0]}: ${fixed(2)(100 * one.curve[at][2])} %`,
  };
}
