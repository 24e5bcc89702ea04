/** What runs now: each candidate's epoch, curve so far, step time and worker. */

import * as candidate from "./candidate.js";
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
