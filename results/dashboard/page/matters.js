/** What matters: how much each choice does, and what its options lead to, stage by stage. */

import * as charts from "./charts.js";
import * as colours from "./colours.js";
import * as columns from "./columns.js";
import { bar, byId, element } from "./dom.js";
import { count, isNumber } from "./format.js";
import { model, shownRuns } from "./model.js";
import * as objective from "./objective.js";
import { colourOf } from "./operators.js";
import * as source from "./source.js";
import { currentObjective, ownObjective } from "./state.js";
import * as store from "./store.js";

const TARGETS = ["reward", "accuracy", "normalized_step_time"];
const KINDS = ["operator", "kernel", "expansion", "layers", "channels", "se_ratio", "activation"];
const MEASURES = ["accuracy", "step"];
const SETTLE_MS = 600; // of the sliders, before the server is asked again
let waiting = 0;
let asked = "";

export function draw() {
  drawBoxes();
  clearTimeout(waiting);
  waiting = setTimeout(drawImportances, asked ? SETTLE_MS : 0);
}

async function drawImportances() {
  const at = currentObjective();
  const runs = shownRuns();
  const key = JSON.stringify([at, runs.map((run) => [run.id, run.version])]);
  if (key === asked) return;
  asked = key;
  const parts = await Promise.all(runs.map((run) => ofRun(run, at)));
  if (key === asked) byId("importances").replaceChildren(...parts);
}

/** @param {Run} run @param {Objective} at */
async function ofRun(run, at) {
  const answers = await Promise.all(TARGETS.map((target) => answer(run, target, at)));
  const name = shownRuns().length > 1 && element("h3", {}, run.label);
  const known = answers.filter((one) => one && !one.problem);
  if (!known.length)
    return element(
      "div",
      {},
      name,
      element("p.muted", {}, answers[0]?.problem ?? "No importances in this report."),
    );
  return element(
    "div",
    {},
    name,
    importanceTable(answers),
    element("p.muted", {}, method(known)),
  );
}

/** @param {Run} run @param {string} target @param {Objective} at */
async function answer(run, target, at) {
  try {
    return await source.importance(run, target, at);
  } catch (problem) {
    return { problem: /** @type {Error} */ (problem).message };
  }
}

/** @param {Importance[]} known */
function method(known) {
  const note = source.isReport()
    ? `, reward ${objective.text(ownObjective())}`
    : "";
  const all = known[0].candidates;
  return (
    `How far the options of the best tenth (${count(Math.ceil(all / 10))} candidates) differ from those of all ` +
    `${count(all)}, by ${known[0].evaluator}; each column sums to 100 %${note}. A choice on which nearly all ` +
    "candidates agree counts little here, whatever it does; what it does to a measure is below."
  );
}

/** @param {Importance[]} answers */
function importanceTable(answers) {
  const first = answers.find((one) => one?.values);
  const head = ["choice", "reward", store.metric().title, "step time"];
  const tops = answers.map((one) => Math.max(...Object.values(one?.values ?? {})));
  /** @param {string} name */
  const line = (name) =>
    element(
      "tr",
      {},
      element("th", { scope: "row" }, name.replace(".", " ")),
      answers.map((one, place) => cell(one?.values?.[name], tops[place])),
    );
  return element(
    "table.importances",
    {},
    element(
      "thead",
      {},
      element(
        "tr",
        {},
        head.map((text) => element("th", { scope: "col" }, text)),
      ),
    ),
    element("tbody", {}, Object.keys(first.values).map(line)),
  );
}

/** @param {number | undefined} share @param {number} top of the column, which stands out */
function cell(share, top) {
  if (share === undefined) return element("td.muted", {}, "–");
  const text = `${(100 * share).toFixed(1)} %`;
  return element("td", {}, bar(share, text), element(share === top ? "strong.number" : "span.number", {}, text));
}

function drawBoxes() {
  const rows = model.shown.filter((row) => row.state === "complete");
  const place = byId("boxes");
  const figures = KINDS.flatMap((kind) =>
    MEASURES.map((measure) => figure(place, kind, columns.find(measure), rows)),
  );
  place
    .querySelectorAll(".chart")
    .forEach(
      (chart) => figures.some((own) => own?.place === chart) || chart.parentElement.remove(),
    );
  for (const own of figures) if (own) charts.draw(own.place, own.chart);
}

/**
 * A place in the page for it, kept where it is already there.
 * @param {HTMLElement} place @param {string} kind @param {Column} column @param {Row[]} rows
 */
function figure(place, kind, column, rows) {
  const stages = store.parameters().filter((parameter) => parameter.choice === kind);
  const groups = stages
    .flatMap((parameter) =>
      parameter.options.map((option) => group(parameter, option, column, rows)),
    )
    .filter(Boolean);
  if (!groups.length) return null;
  const id = `box-${kind}-${column.id}`;
  const chart = document.getElementById(id) ?? added(place, id, `${columns.title(column)} by ${kind}`);
  const options = [...new Set(groups.map(({ option }) => option))].sort(colours.inOrder);
  const names = stages.map(stageName);
  return {
    place: chart,
    chart: {
      x: { title: "", names },
      y: { title: columns.title(column) },
      marks: options.map((option, order) =>
        boxes(
          groups.filter((own) => own.option === option),
          { kind, option, order, of: options.length, names, column },
        ),
      ),
    },
  };
}

/** @param {Choice} choice */
const stageName = ({ stage, name }) => (stage ? `stage ${stage}` : name);

/** @param {HTMLElement} place @param {string} id @param {string} title */
function added(place, id, title) {
  const chart = element("div.chart", { id, role: "img", "aria-label": title });
  place.append(element("figure", {}, element("figcaption", {}, title), chart));
  return chart;
}

/**
 * The candidates that took one option in one stage.
 * @typedef {{option: Option, stage: string, count: number, quantiles: number[]}} Group
 */

/** @param {Choice} parameter @param {Option} option @param {Column} column @param {Row[]} rows */
function group(parameter, option, column, rows) {
  const values = rows
    .filter((row) => store.chosen(row, parameter) === option)
    .map(column.value)
    .filter(isNumber);
  if (!values.length) return null;
  const ordered = Float64Array.from(values).sort();
  return {
    option,
    stage: stageName(parameter),
    count: values.length,
    quantiles: [0.05, 0.25, 0.5, 0.75, 0.95].map((share) => quantile(ordered, share)),
  };
}

/** @param {Float64Array} ordered @param {number} share */
function quantile(ordered, share) {
  const at = share * (ordered.length - 1);
  const low = Math.floor(at);
  return ordered[low] + (at - low) * ((ordered[low + 1] ?? ordered[low]) - ordered[low]);
}

/**
 * The boxes of one option, stage by stage.
 * @typedef {{kind: string, option: Option, order: number, of: number, names: string[],
 *   column: Column}} BoxFacts
 * @param {Group[]} groups @param {BoxFacts} facts @returns {Mark}
 */
function boxes(groups, { kind, option, order, of, names, column }) {
  return {
    kind: "boxes",
    name: String(option),
    colour: kind === "operator" ? colourOf(String(option)) : colours.category(order),
    order,
    of,
    x: groups.map(({ stage }) => names.indexOf(stage)),
    quantiles: groups.map(({ quantiles }) => quantiles),
    tip: (at) => {
      const [low, lower, median, upper, high] = groups[at].quantiles.map(column.format);
      const head = `${groups[at].stage}, ${option}: median ${median} of ${groups[at].count}`;
      return `${head}\nmiddle half ${lower} to ${upper}\n5 to 95 % ${low} to ${high}`;
    },
  };
}
