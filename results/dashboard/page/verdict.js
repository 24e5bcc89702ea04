/** What a run's end says about its winner, and each candidate's chance to be the best. */

import * as candidate from "./candidate.js";
import { bar, byId, element } from "./dom.js";
import { ownVerdict } from "./model.js";
import { count } from "./format.js";
import * as objective from "./objective.js";
import * as source from "./source.js";
import { currentObjective, state } from "./state.js";
import * as store from "./store.js";

const SHOWN_CHANCES = 4;
const SETTLE_MS = 300; // of the sliders, before the server is asked

/**
 * The latest verdict by another reward than the run's own. `on` is the run and the reward.
 * @type {{on: string, version: string, verdict: Verdict | null, problem: string | null}}
 */
let answer = { on: "", version: "", verdict: null, problem: null };
let asking = ""; // the run and the reward of the question that is open
let waiting = 0;
/** @type {{place: HTMLElement, winner: Row} | null} */
let panel = null;

/** The sentences above the plot, of each run that is shown. */
export function draw() {
  const runs = store.runs.filter((run) => run.verdict && !state.hidden.has(run.id));
  byId("verdict").replaceChildren(...runs.flatMap(said));
}

/**
 * Who wins; where others may as well be the best, that stands first.
 * @param {Verdict} verdict
 */
function headline({ within_noise }) {
  const others = within_noise?.length ?? 0;
  if (!others) return " wins.";
  return ` leads, but ${others === 1 ? "another is" : `${count(others)} others are`} within the noise.`;
}

/** @param {Run} run */
function said(run) {
  const { winner, sentences, warnings, hint } = run.verdict;
  const row = run.candidates.get(winner);
  const name = `Candidate ${winner}`;
  return [
    element(
      "p",
      {},
      store.areSeveral() && element("strong", {}, `${run.label}: `),
      !ownVerdict(run) && element("span.muted", {}, "At the run's own reward: "),
      element("strong", {}, row ? candidate.link(row, name) : name, headline(run.verdict)),
      ...sentences.map((sentence) => ` ${sentence}`),
    ),
    hint && !run.is_searching && advice(run, hint),
    ...warnings.map((text) => element("p.warning", {}, store.areSeveral() ? `${run.label}: ${text}` : text)),
  ].filter(Boolean);
}

/** @param {Run} run @param {string} hint options, and after a comma the time they take */
function advice(run, hint) {
  const [options, ...time] = hint.split(", ");
  const path = /^[\w./~-]+$/.test(run.path) ? run.path : `'${run.path.replaceAll("'", "'\\''")}'`;
  return element(
    "p",
    {},
    `To decide between them (${time.join(", ")}): `,
    element("code", {}, `nas search --resume ${path} ${options}`),
  );
}

/** How sure the winner is, for the panel. @param {Row} winner */
export function chances(winner) {
  panel = { place: element("div.wins"), winner };
  fill();
  panel.place.classList.toggle("asking", asking !== "");
  return panel.place;
}

function fill() {
  const { place, winner } = panel;
  const known = ownVerdict(winner.run) ?? asked(winner.run);
  const parts = typeof known === "string" ? [remark(known)] : judged(winner, known);
  place.replaceChildren(...parts);
}

/** @param {string} text */
const remark = (text) => element("p.muted", {}, text);

/** @param {Row} winner @param {Verdict} verdict */
function judged(winner, verdict) {
  const unlike = `By the mean of all trainings, no.\u00a0${verdict.winner} wins.`;
  return [
    ...(verdict.winner === winner.number ? [] : [element("p", {}, unlike)]),
    ...(verdict.chances
      ? list(winner, verdict.chances)
      : [remark("The chances are not known: the record does not hold the size of the minival.")]),
  ];
}

/**
 * The server's answer, or what is said in its place.
 * @param {Run} run @returns {Verdict | string}
 */
function asked(run) {
  if (source.isReport()) return "The chances are known at the run's own reward only.";
  const at = currentObjective();
  const on = `${run.id} ${objective.text(at)}`;
  const isNewest = answer.on === on && answer.version === run.version;
  if (!isNewest && asking !== on) askLater(run, at, on);
  if (answer.on !== on) return "computing the chances ...";
  return answer.verdict ?? answer.problem ?? "The chances are not known.";
}

/**
 * Asks once the sliders are still; only the answer to the latest question counts.
 * @param {Run} run @param {Objective} at @param {string} on
 */
function askLater(run, at, on) {
  asking = on;
  clearTimeout(waiting);
  waiting = setTimeout(async () => {
    const { version } = run;
    const found = await ask(run, at);
    if (asking !== on) return;
    asking = "";
    answer = { on, version, ...found };
    panel.place.classList.remove("asking");
    fill();
  }, SETTLE_MS);
}

/**
 * @param {Run} run @param {Objective} at
 * @returns {Promise<{verdict: Verdict | null, problem: string | null}>}
 */
async function ask(run, at) {
  try {
    return { verdict: await source.verdict(run, at), problem: null };
  } catch (problem) {
    return { verdict: null, problem: /** @type {Error} */ (problem).message };
  }
}

/** @param {Row} winner @param {[number, number][]} chances */
function list({ run, number }, chances) {
  const share = chances.find(([other]) => other === number)?.[1] ?? 0;
  const likeliest = chances[0]?.[0] ?? number; // none is listed where all are below half a percent
  const among = store.areSeveral() ? `of ${run.label}` : "of all";
  const rows = chances.slice(0, SHOWN_CHANCES).map(([other, chance]) => {
    const row = run.candidates.get(other);
    return element(
      "li",
      {},
      element("span", {}, row ? candidate.link(row, String(other)) : other),
      bar(chance, percent(chance)),
      element("span.number", {}, percent(chance)),
    );
  });
  return [
    element(
      "p",
      {},
      `best ${among} with ${percent(share)} (${store.metric().title} and step time both uncertain)`,
    ),
    likeliest !== number && element("p", {}, `most likely the best: no.\u00a0${likeliest}`),
    chances.length > 1 && element("ol", {}, rows),
  ].filter(Boolean);
}

/** @param {number} share */
const percent = (share) => (share < 0.005 ? "<1 %" : `${Math.round(100 * share)} %`);
