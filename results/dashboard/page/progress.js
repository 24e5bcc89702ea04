/** How the search gets on: best reward, front, causes of failure, time left. */

import * as charts from "./charts.js";
import * as colours from "./colours.js";
import * as control from "./control.js";
import * as course from "./course.js";
import { bar, byId, element, option } from "./dom.js";
import { count, duration, isNumber, moment, money, range } from "./format.js";
import * as front from "./front.js";
import * as history from "./history.js";
import * as learning from "./learning.js";
import { model, shownRuns } from "./model.js";
import { schedule } from "./schedule.js";
import * as running from "./running.js";
import { state } from "./state.js";
import * as store from "./store.js";
import * as versus from "./versus.js";
import * as workers from "./workers.js";

const MOST_POINTS = 500;
const SAID = { best: "best reward", sizes: "candidates on the front", volumes: "hypervolume" };

export function listen() {
  byId("over").addEventListener("change", () => {
    state.over = byId("over").value;
    schedule("progress");
  });
}

/** What a selection changes: who stands out. */
export function drawCandidates() {
  const runs = shownRuns();
  learning.draw();
  drawHistory(allSeries(runs), xAxis());
}

/** @returns {ChartAxis} */
const xAxis = () => ({
  title: state.over === "time" ? "hours since the run began" : "candidates finished",
  fromZero: true,
});

/** @param {Series[]} lines @param {ChartAxis} x */
function drawHistory(lines, x) {
  const points = lines.flatMap(({ points }) => points);
  chart("best-so-far", lines, "best", history.chart(points, x));
}

export function draw() {
  byId("over").replaceChildren(
    option("candidates", "candidates", state.over),
    option("time", "time", state.over),
  );
  const runs = shownRuns();
  const lines = allSeries(runs);
  const x = xAxis();
  learning.draw();
  drawHistory(lines, x);
  chart("front-so-far", lines, "sizes", {
    x,
    y: { title: "candidates on the front", fromZero: true },
  });
  chart("volume-so-far", lines, "volumes", {
    x,
    y: { title: "hypervolume", fromZero: true },
  });
  byId("front-metric").textContent = store.metric().title;
  const searching = runs.filter((run) => run.forecast);
  byId("forecasts").replaceChildren(
    ...(searching.length ? [element("h2", {}, "Forecast"), ...searching.map(ofForecast)] : []),
  );
  versus.draw(runs);
  control.draw(runs);
  running.draw(runs);
  workers.draw(runs);
  byId("endings").replaceChildren(...runs.map(endings));
}

/**
 * A run's course: x of each point, the best reward and the size of the front there; and where its
 * candidates are.
 * @typedef {{run: Run, x: number[], best: (number | null)[], sizes: number[],
 *   volumes: number[], points: Member[]}} Series
 */

/**
 * @param {"best-so-far" | "front-so-far" | "volume-so-far"} id @param {Series[]} lines
 * @param {"best" | "sizes" | "volumes"} name @param {Omit<Chart, "marks"> & {marks?: Mark[]}} layout
 */
function chart(id, lines, name, layout) {
  const isLone = lines.length === 1;
  charts.draw(byId(id), {
    ...layout,
    marks: lines
      .map((line) => ({
        kind: /** @type {const} */ ("steps"),
        name: layout.marks ? (isLone ? "best so far" : `${line.run.label}, best`) : line.run.label,
        colour: isLone ? "var(--accent)" : colours.ofRun(line.run),
        x: line.x,
        y: line[name],
        tip: (/** @type {number} */ at) =>
          `${SAID[name]} ${Number(line[name][at].toPrecision(5))} at ${text(line.x[at])}`,
      }))
      .concat(/** @type {any} */ (layout.marks ?? [])),
  });
}

/** A place on the axis in words. @param {number} x */
const text = (x) => (state.over === "time" ? duration(3600 * x) : `candidate ${x}`);

/** Of runs that compare, the hypervolume is that of all of them together. @param {Run[]} runs */
function allSeries(runs) {
  const together = model.refusal ? null : runs.flatMap(course.finished);
  return runs.map((run) => series(run, together ?? course.finished(run)));
}

/** @param {Run} run @param {Row[]} among the candidates whose hypervolume is 1 @returns {Series} */
function series(run, among) {
  const rows = course.finished(run);
  const start = course.start(run, rows);
  const [sizes, volumes] = [front.sizes(rows), front.volumes(rows, among)];
  /** @type {number | null} */
  let most = null;
  const best = rows.map(({ reward }) =>
    reward !== null && (most === null || reward > most) ? (most = reward) : most,
  );
  const kept = rows
    .map((_, place) => place)
    .filter((place) => isKept(place, rows.length, best, sizes));
  /** @param {number} place */
  const x = (place) =>
    state.over === "time" ? (rows[place].finished_at - start) / 3600 : place + 1;
  return {
    run,
    x: kept.map(x),
    best: kept.map((place) => best[place]),
    sizes: kept.map((place) => sizes[place]),
    volumes: kept.map((place) => volumes[place]),
    points: rows
      .map((row, place) => ({ row, x: [x(place)], y: [row.reward] }))
      .filter(({ row }) => isNumber(row.reward)),
  };
}

/**
 * Where something changes, and the ends; of very many changes an even share.
 * @param {number} place @param {number} length @param {(number | null)[]} best
 * @param {number[]} sizes
 */
function isKept(place, length, best, sizes) {
  if (place === 0 || place === length - 1) return true;
  if (best[place] !== best[place - 1]) return true;
  return sizes[place] !== sizes[place - 1] && place % Math.ceil(length / MOST_POINTS) === 0;
}

/** @param {Run} run */
function endings(run) {
  const counts = new Map();
  for (const { state, cause } of run.candidates.values()) {
    const name = cause ? `${state}: ${cause}` : state;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  const rows = [...counts]
    .sort((a, b) => b[1] - a[1])
    .map(([name, times]) => {
      const share = times / run.candidates.size;
      return element(
        "tr",
        {},
        element("th", { scope: "row" }, name),
        element("td.number", {}, count(times)),
        element("td", {}, bar(share, `${Math.round(100 * share)} %`, colour(name))),
      );
    });
  const title = store.areSeveral() && element("h3", {}, run.label);
  return element(
    "div",
    {},
    title,
    rows.length
      ? element("table.endings", {}, element("tbody", {}, rows))
      : element("p.muted", {}, "No candidate yet."),
    rows.length > 0 && run.standing && element("p.muted", {}, `${run.standing.sentence}.`),
  );
}

/** @param {string} name */
const colour = (name) =>
  colours.theme(
    name.startsWith("complete") ? "accent" : name.startsWith("failed") ? "bad" : "muted",
  );

/** @param {Run} run */
function ofForecast({ label, forecast }) {
  const { ends_at, candidates, is_cut, cost_so_far, cost } = forecast;
  /** @type {[string, string | false][]} */
  const facts = [
    ["ends", range(ends_at, moment)],
    ["candidates", `${is_cut ? "about " : ""}${count(candidates)}${is_cut ? ", by time" : ""}`],
    ["cost", cost && `${range(cost, money)}, so far ${money(cost_so_far)}`],
  ];
  return element(
    "dl.facts",
    {},
    store.areSeveral() && [element("dt", {}, "run"), element("dd", {}, label)],
    facts
      .filter(([, value]) => value)
      .flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]),
  );
}
