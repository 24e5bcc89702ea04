/** Starts the page and draws what a change calls for, once a frame. */

import * as address from "./address.js";
import * as candidate from "./candidate.js";
import * as colours from "./colours.js";
import * as comparison from "./comparison.js";
import { announce, byId, element } from "./dom.js";
import * as filters from "./filters.js";
import * as map from "./map.js";
import * as matters from "./matters.js";
import { model, refresh } from "./model.js";
import * as objective from "./objective.js";
import * as parallel from "./parallel.js";
import * as plot from "./plot.js";
import * as pointing from "./pointing.js";
import * as population from "./population.js";
import * as progress from "./progress.js";
import * as reward from "./reward.js";
import * as runs from "./runs.js";
import { onChange, schedule, show } from "./schedule.js";
import * as sliders from "./sliders.js";
import * as source from "./source.js";
import { setOwnObjective, state } from "./state.js";
import * as store from "./store.js";
import * as table from "./table.js";
import * as verdict from "./verdict.js";

/** @type {View[]} */
const VIEWS = ["plot", "table", "parallel", "matters", "progress"];
/** @type {string | null | undefined} */
let said = null;
let isDrawn = false;

/** @param {Set<Reason>} reasons */
function render(reasons) {
  /** @type {Has} */
  const has = (...names) => names.some((name) => reasons.has(name));
  refresh(reasons);
  if (has("controls")) filters.draw();
  if (has("view", "controls")) drawViews();
  if (has("data", "filter", "controls")) {
    runs.draw();
    filters.drawCount();
  }
  DRAWN[view()](has, reasons);
  if (has("data", "filter", "reward", "controls")) verdict.draw();
  if (has("data", "controls")) comparison.draw();
  if (has("data", "filter", "reward")) reward.draw();
  if (has("selection", "data", "controls")) candidate.draw();
  tellWinner();
  address.remember();
  measure();
}

const view = () => VIEWS.find((name) => name === state.view) ?? "plot";

/** @type {{[view in View]: (has: Has, reasons: Set<Reason>) => void}} */
const DRAWN = {
  plot: (has) => {
    const onReward = [state.x, state.y].includes("reward") && has("reward");
    if (onReward || has("data", "filter", "axes", "zoom", "view", "controls", "size"))
      plot.draw();
    else if (has("reward", "selection")) plot.drawCloud();
  },
  table: (has) => {
    if (has("data", "filter", "reward", "sort", "view", "controls")) table.draw();
    else if (has("selection")) table.redraw();
  },
  parallel: (has) => {
    if (has("data", "filter", "reward", "view", "controls", "size", "selection")) parallel.draw();
  },
  matters: (has, reasons) => {
    if (has("data", "filter", "reward", "view", "controls")) matters.draw();
    if (reasons.size > Number(has("selection"))) population.draw();
  },
  progress: (has, reasons) => {
    if (reasons.size > Number(has("selection"))) progress.draw();
    else if (has("selection")) progress.drawCandidates();
    if (has("data", "view", "controls")) runs.drawSettings();
  },
};

/** @param {View} name */
const tabOf = (name) =>
  /** @type {HTMLElement} */ (document.querySelector(`[data-view="${name}"]`));

function drawViews() {
  for (const name of VIEWS) {
    byId(`view-${name}`).hidden = name !== view();
    const tab = tabOf(name);
    tab.setAttribute("aria-selected", String(name === view()));
    tab.tabIndex = name === view() ? 0 : -1;
  }
}

/** Once for each new winner, not at every step of a slider. */
function tellWinner() {
  const { winner } = model;
  if (!winner || winner.key === said) return;
  said = winner.key;
  announce(`winner: candidate ${winner.number}`);
}

function measure() {
  if (isDrawn) return;
  isDrawn = true;
  requestAnimationFrame(() =>
    setTimeout(() => performance.measure("nas:draw", { start: 0, end: performance.now() })),
  );
}

function listen() {
  for (const part of [filters, sliders, map, table, parallel, population, progress, pointing, runs]) part.listen();
  for (const name of VIEWS) {
    tabOf(name).addEventListener("click", () => show(name));
    tabOf(name).addEventListener("keydown", turn);
  }
  window.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && state.selected.length) candidate.close();
  });
  window.addEventListener("hashchange", () => {
    address.decode(location.hash.slice(1));
    schedule("data", "controls");
  });
  new ResizeObserver(() => schedule("size")).observe(byId("plot-frame"));
  colours.onTheme(() => {
    schedule("data", "controls");
    candidate.redraw();
  });
}

/** @type {{[key: string]: number}} */
const TURNS = { ArrowRight: 1, ArrowLeft: -1 };

/** The arrow keys between tabs. @param {KeyboardEvent} event */
function turn(event) {
  const by = TURNS[event.key];
  if (!by) return;
  const next = VIEWS[(VIEWS.indexOf(view()) + by + VIEWS.length) % VIEWS.length];
  show(next);
  tabOf(next).focus();
}

/** A run's answer while the page is open. @param {RunAnswer} answer */
function onRun(answer) {
  const choices = store.parameters().length;
  store.merge(answer);
  adoptObjective();
  schedule("data");
  if (store.parameters().length !== choices) schedule("controls");
}

/** A run that begins while the page is open may have another reward than the page began with. */
function adoptObjective() {
  const objectives = store.runs.map(({ verdict }) => verdict?.objective);
  const texts = objectives.map((one) => one && objective.text(one));
  if (objectives[0] && new Set(texts).size === 1) setOwnObjective(objectives[0]);
}

async function start() {
  onChange(render);
  address.decode(location.hash.slice(1));
  try {
    const data = await source.open();
    setOwnObjective(data.objective);
    store.benches.push(...data.benches);
    for (const run of data.runs) store.merge(run);
  } catch (problem) {
    byId("problems").replaceChildren(
      element(
        "p.problem",
        { role: "alert" },
        `The data cannot be read: ${/** @type {Error} */ (problem).message}`,
      ),
    );
  }
  listen();
  schedule("data", "controls");
  source.follow(onRun, (isAlive) => (byId("gone").hidden = isAlive));
}

start();
