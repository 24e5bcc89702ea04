/** How far a run is, in a line for the head of the page. */

import { count, duration, money, range } from "./format.js";
import * as source from "./source.js";
import * as store from "./store.js";

/** The time left and the cost of a search, in the words of the terminal. @param {Run} run */
function outlook({ forecast, is_searching, settings }) {
  const now = Date.now() / 1000;
  if (!forecast) {
    const isBound = is_searching && settings?.until && !source.isReport();
    return isBound ? [`at most ${duration(Math.max(0, settings.until - now))} left`] : [];
  }
  const { ends_at, cost } = forecast;
  const [low, high] = ends_at.map((end) => Math.max(0, end - now));
  return [`${range([low, high], duration)} left`, cost && `cost ${range(cost, money)}`];
}

/**
 * Why nothing runs: all is done, the time is up, or it was stopped; or enough failed for it to give
 * up, as the last process may have.
 * @param {Run} run @param {number} failed
 */
function halt({ settings, is_searching, standing }, failed) {
  if (is_searching !== false || source.isReport()) return false;
  const { evaluated, planned } = standing;
  const until = settings?.until;
  const isOver = planned === null ? !until : evaluated >= planned;
  if (isOver) return "finished";
  if (until && until <= Date.now() / 1000) return "the time is up";
  return failed >= (settings?.max_failures ?? Infinity)
    ? "not running, perhaps as it gave up"
    : "not running";
}

/** From half of what ends a search on, with how many do. @param {Run} run @param {number} failed */
function failures({ settings }, failed) {
  const most = settings?.max_failures ?? Infinity;
  return failed > 0 && `${count(failed)} failed${failed >= most / 2 ? ` (--max-failures ${count(most)})` : ""}`;
}

/** A run's standing in a line, by the terminal's count. @param {Run} run */
export function of(run) {
  /** @param {State} state */
  const counts = (state) =>
    [...run.candidates.values()].filter((row) => row.state === state).length;
  const failed = [...run.candidates.values()].filter(
    (row) => row.state === "failed" && !store.isBackbone(row),
  ).length;
  const { evaluated, planned, done } = run.standing;
  const parts = [
    planned === null ? `${done} candidates` : done,
    failures(run, failed),
    counts("infeasible") && `${count(counts("infeasible"))} infeasible`,
    counts("duplicate") && `${count(counts("duplicate"))} duplicate`,
    run.is_searching && counts("running") && `${count(counts("running"))} running`,
    ...outlook(run),
    halt(run, failed),
  ];
  return { text: parts.filter(Boolean).join(" · "), share: planned ? evaluated / planned : null };
}
