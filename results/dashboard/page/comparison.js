/** Of a run of `nas proxy`: each network's reward in full against that by the proxy. */

import * as charts from "./charts.js";
import { byId, element } from "./dom.js";
import { fixed } from "./format.js";
import { state } from "./state.js";
import * as store from "./store.js";

const Z_95 = 1.96;

/** The runs that compare and are shown, with what is said of each. */
export function draw() {
  const runs = store.runs.filter((run) => run.comparison && !state.hidden.has(run.id));
  const places = runs.map(() => element("div.comparison-plot"));
  byId("comparison").replaceChildren(...runs.flatMap((run, i) => [...words(run), places[i]]));
  for (const [i, run] of runs.entries()) if (run.comparison.networks) plot(places[i], run);
}

/** @param {Run} run */
function words(run) {
  const { answer, sentences } = run.comparison;
  const name = store.areSeveral() && element("strong", {}, `${run.label}: `);
  return [
    element("p", {}, name, element("strong", {}, answer)),
    element("p", {}, sentences.join(" ")),
  ].filter(Boolean);
}

/** @param {HTMLElement} place @param {Run} run */
function plot(place, run) {
  const { points, proxy_deviation, full_deviation } = run.comparison;
  const pairs = points.filter(({ proxy, full }) => proxy && full);
  /** @param {Outcome[]} trainings @param {"reward" | "accuracy"} what */
  const mean = (trainings, what) =>
    trainings.reduce((sum, each) => sum + each[what], 0) / trainings.length;
  /** @param {number | null} deviation @param {Outcome[][]} trainings */
  const bars = (deviation, trainings) =>
    deviation === null ? null : trainings.map((each) => (Z_95 * deviation) / Math.sqrt(each.length));
  const [short, long] = [pairs.map(({ proxy }) => proxy), pairs.map(({ full }) => full)];
  /** @type {(trainings: Outcome[]) => string} */
  const said = (each) => `${fixed(4)(mean(each, "reward"))} (${fixed(1)(100 * mean(each, "accuracy"))} %)`;
  const label = `Rewards of ${pairs.length} networks in full against those by the proxy.`;
  place.setAttribute("role", "img");
  place.setAttribute("aria-label", `${label} ${run.comparison.answer}`);
  place.title = "bars: 95 % by the seed; diamonds were trained twice";
  charts.draw(place, {
    x: { title: "reward by the proxy" },
    y: { title: "reward in full" },
    marks: [
      {
        kind: "points",
        colour: "var(--accent)",
        radius: 4.5,
        symbol: (at) => (long[at].length > 1 ? "diamond" : "disc"),
        x: short.map((each) => mean(each, "reward")),
        y: long.map((each) => mean(each, "reward")),
        across: bars(proxy_deviation, short),
        up: bars(full_deviation, long),
        tip: (at) =>
          `candidate ${pairs[at].number}\nby the proxy ${said(short[at])}\nin full ${said(long[at])}`,
      },
    ],
  });
}
