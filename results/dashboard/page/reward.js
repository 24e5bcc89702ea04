/** Beside the plot: the winner, how sure it is, and the ranking. */

import * as candidate from "./candidate.js";
import * as columns from "./columns.js";
import { byId, element } from "./dom.js";
import { short } from "./format.js";
import * as map from "./map.js";
import { model } from "./model.js";
import * as objective from "./objective.js";
import * as runs from "./runs.js";
import * as sliders from "./sliders.js";
import { currentObjective, numberNames, ownObjective } from "./state.js";
import * as store from "./store.js";
import * as verdict from "./verdict.js";

export function draw() {
  const at = currentObjective();
  const { winner } = model;
  const ranges = new Map(numberNames().map((name) => [name, range(name, at)]));
  sliders.drawForm(at.form);
  for (const [name, stable] of ranges) sliders.drawSlider(name, at.numbers[name], stable);
  const { text } = objective;
  byId("own-numbers").hidden = text(at) === text(ownObjective());
  drawWinner(winner, ranges);
  drawRanking();
  map.draw(winner, at);
  sliders.answered();
}

/**
 * Where the first one stays first; null where the winner was not chosen by these rewards.
 * @param {NumberName} name @param {Objective} at
 */
function range(name, at) {
  const { winner, ranking, ranked } = model;
  if (!winner || winner !== ranking[0]) return null;
  return objective.stableRange(winner, ranked, at, name, sliders.ends(name));
}

/** @param {Row | null} winner @param {Map<NumberName, StableRange | null>} ranges */
function drawWinner(winner, ranges) {
  const place = byId("winner");
  if (!winner) {
    const none = model.ranked.length ? "No candidate has a reward." : "No candidate yet.";
    return place.replaceChildren(element("p.muted", {}, model.refusal ?? none));
  }
  const run = store.areSeveral() ? ` of ${winner.run.label}` : "";
  place.replaceChildren(
    element("h2", {}, "Winner: ", candidate.link(winner, `candidate ${winner.number}`), run),
    figures(winner),
    element("ul.stability", {}, stability(winner, ranges)),
    verdict.chances(winner),
  );
}

/** @param {Row} row */
function figures(row) {
  const shown = ["reward", "accuracy", "step_ms", "step", "parameters", "multiply_adds"];
  return element(
    "dl.figures",
    {},
    shown.map((id) => {
      const column = columns.find(id);
      return element(
        "div",
        {},
        element("dt", {}, columns.title(column)),
        element(
          "dd",
          { title: columns.doubt(column, row) },
          columns.written(column, row),
          element("span.interval95", { title: "95 % interval" }, columns.interval95(column, row)),
        ),
      );
    }),
  );
}

/** @param {Row} winner @param {Map<NumberName, StableRange | null>} ranges */
function stability(winner, ranges) {
  const [first] = model.ranking;
  if (winner === first)
    return [...ranges].map(([name, stable]) => element("li", {}, sentence(name, stable)));
  const isConfirmed = [...winner.run.candidates.values()].some(
    (row) => row.confirms === winner.number && row.fidelity === null,
  );
  if (!isConfirmed || !first) return [];
  const ahead = `By first trainings alone, no.\u00a0${first.number} is ahead.`;
  return [element("li", {}, `Chosen by the mean of its trainings. ${ahead}`)];
}

/** @param {NumberName} name @param {StableRange} stable */
function sentence(name, { low, high, below, above }) {
  const [from, to] = [low, high].map((end) => sliders.written(name, end));
  const unit = name !== "T" ? "" : ownObjective().is_in_seconds ? " ms" : " S0";
  if (!below && !above) return `Wins at every ${name} from ${from} to ${to}${unit}.`;
  const beyond = [
    below && `; below that, no.\u00a0${below.number}`,
    above && `; above that, no.\u00a0${above.number}`,
  ];
  const others = beyond.filter(Boolean).join("");
  return `Wins while ${name} is between ${from} and ${to}${unit}${others}.`;
}

function drawRanking() {
  byId("ranking").parentElement.hidden = model.refusal !== null;
  const head = ["place", "candidate", "reward", `${store.metric().short} %`, "S/S0", "params"];
  const shown = ["reward", "accuracy", "step", "parameters"].map(columns.find);
  /** @param {Column} column @param {Row} row */
  const cell = (column, row) =>
    element(
      "td.number",
      { title: columns.doubt(column, row) },
      column.id === "parameters" ? short(row.parameters) : columns.written(column, row),
    );
  byId("ranking").replaceChildren(
    element(
      "thead",
      {},
      element(
        "tr",
        {},
        head.map((text) => element("th", { scope: "col" }, text)),
      ),
    ),
    element(
      "tbody",
      {},
      model.ranking.map((row, place) =>
        element(
          "tr",
          {},
          element("td.number", {}, place + 1),
          element(
            "td",
            {},
            store.areSeveral() && runs.dot(row.run),
            candidate.link(row, String(row.number)),
            model.onFront.has(row) &&
              element("span.on-front", { title: "on the Pareto front" }, "front"),
          ),
          shown.map((column) => cell(column, row)),
        ),
      ),
    ),
  );
}
