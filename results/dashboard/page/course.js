/** The course of searches: their candidates as they ended, and what each reached, and how soon. */

import * as columns from "./columns.js";
import * as front from "./front.js";

/**
 * What a run reached. `target` is the place among its candidates, from 1, and the seconds after
 * which its best reward was that of the run that reached least.
 * @typedef {{run: Run, finished: number, best: Row | null, target: {after: number, time: number} | null,
 *   volume: number, onFront: number}} Reached
 */

/** A run's candidates in the order in which they ended, without repeated trainings. @param {Run} run */
export const finished = (run) =>
  [...run.candidates.values()]
    .filter((row) => row.state !== "running" && row.finished_at !== null && row.confirms === null)
    .sort((a, b) => a.finished_at - b.finished_at);

/** When a run began, in Unix seconds. @param {Run} run @param {Row[]} rows as they ended */
export const start = (run, rows) => run.created_at ?? rows[0]?.started_at ?? 0;

/** @param {Run[]} shown @returns {Reached[]} */
export function compared(shown) {
  const sequences = shown.map(finished);
  const all = sequences.flat();
  const bests = sequences.map(best);
  const target = Math.min(...bests.map((row) => row?.reward ?? -Infinity));
  const onFront = new Set(front.front(all, columns.find("step"), columns.find("accuracy")));
  return shown.map((run, place) => {
    const rows = sequences[place];
    const at = rows.findIndex(({ reward }) => reward !== null && reward >= target);
    const from = start(run, rows);
    return {
      run,
      finished: rows.length,
      best: bests[place],
      target: target > -Infinity ? { after: at + 1, time: rows[at].finished_at - from } : null,
      volume: front.volumes(rows, all).at(-1) ?? 0,
      onFront: rows.filter((row) => onFront.has(row)).length,
    };
  });
}

/** @param {Row[]} rows */
const best = (rows) =>
  rows.reduce(
    (most, row) =>
      row.reward !== null && (most === null || row.reward > most.reward) ? row : most,
    /** @type {Row | null} */ (null),
  );
