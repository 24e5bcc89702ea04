/** Of a run of `nas proxy`: each network's reward in full against that by the proxy. */

import * as charts from "./charts.js";
import * as colours from "./colours.js";
import { byId, element } from "./dom.js";
import { state } from "./state.js";
import * as store from "./store.js";

const Z_95 = 1.96;

/** The runs that compare and are shown, with what is said of each. */
export async function draw() {
  const runs = store.runs.filter((run) => run.comparison && !state.hidden.has(run.id));
  const places = runs.map(() => element("div.comparison-plot"));
  byId("comparison").replaceChildren(...runs.flatMap((run, i) => [...said(run), places[i]]));
  for (const [i, run] of runs.entries()) if (run.comparison.networks) await plot(places[i], run);
}

/** @param {Run} run */
function said(run) {
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
  const accent = colours.theme("accent");
  /** @param {number | null} deviation @param {Outcome[][]} trainings */
  const bars = (deviation, trainings) => ({
    type: "data",
    visible: deviation !== null,
    array: trainings.map((each) => (Z_95 * (deviation ?? 0)) / Math.sqrt(each.length)),
    color: colours.theme("grid"),
    thickness: 1,
    width: 0,
  });
  /** @type {Trace} */
  const trace = {
    x: pairs.map(({ proxy }) => mean(proxy, "reward")),
    y: pairs.map(({ full }) => mean(full, "reward")),
    error_x: bars(proxy_deviation, pairs.map(({ proxy }) => proxy)),
    error_y: bars(full_deviation, pairs.map(({ full }) => full)),
    customdata: pairs.map(({ number, proxy, full }) => [
      number,
      100 * mean(proxy, "accuracy"),
      100 * mean(full, "accuracy"),
    ]),
    mode: "markers",
    marker: {
      size: 9,
      color: accent,
      symbol: pairs.map(({ full }) => (full.length > 1 ? "diamond" : "circle")),
    },
    hovertemplate:
      "candidate %{customdata[0]}<br>by the proxy %{x:.4f} (%{customdata[1]:.1f} %)" +
      "<br>in full %{y:.4f} (%{customdata[2]:.1f} %)<extra></extra>",
  };
  const label = `Rewards of ${pairs.length} networks in full against those by the proxy.`;
  place.setAttribute("role", "img");
  place.setAttribute("aria-label", `${label} ${run.comparison.answer}`);
  place.title = "bars: 95 % by the seed; diamonds were trained twice";
  return charts.chart(place, [trace], {
    x: { title: "reward by the proxy" },
    y: { title: "reward in full" },
    hovermode: "closest",
  });
}
