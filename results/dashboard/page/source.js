/** Where the data comes from: the server, live, or this very file. */

import * as objective from "./objective.js";
import * as store from "./store.js";

const RETRY_MS = 2000;
/** @type {Map<string, Detail>} */
const details = new Map();
/** @type {{run: (answer: RunAnswer) => void, alive: (isAlive: boolean) => void}} */
const listeners = { run: () => {}, alive: () => {} };
/** @type {PageData | null} */
let report = null;
let hasControl = false;
/** @type {Promise<PageData["details"]> | null} */
let unpacked = null;

/** The data in this file, if it is a report; else the server's. */
export async function open() {
  report = await inside("nas-data");
  const data = report ?? (await ask("api/runs"));
  hasControl = data.has_control;
  return data;
}

/** JSON in this file, as gzip in base64; null in a page from the server. @param {string} id */
async function inside(id) {
  const packed = document.getElementById(id);
  if (!packed) return null;
  const bytes = Uint8Array.from(atob(packed.textContent), (letter) => letter.charCodeAt(0));
  const plain = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(plain).json();
}

/** All that the report holds of its candidates, unpacked at the first question. */
const reported = () => (unpacked ??= inside("nas-details"));

export const isReport = () => report !== null;

/** Who has the server's token, in the address that the command printed, may write notes. */
const token = new URLSearchParams(location.search).get("token");
export const mayWrite = () => !report && token !== null;

/** A server that was started for it also passes requests to searches on. */
export const mayControl = () => mayWrite() && hasControl;

/** @param {string} address */
const ask = async (address) => answered(await fetch(address));

/** @param {Response} answer */
async function answered(answer) {
  const data = await answer.json();
  if (!answer.ok) throw new Error(data.problem ?? `the server answered ${answer.status}`);
  return data;
}

/**
 * Calls back for each run's changes and when the server goes or comes back.
 * @param {(answer: RunAnswer) => void} onRun @param {(isAlive: boolean) => void} onAlive
 */
export function follow(onRun, onAlive) {
  if (report) return;
  Object.assign(listeners, { run: onRun, alive: onAlive });
  connect();
}

function connect() {
  const events = new EventSource("api/events");
  events.addEventListener("open", () => listeners.alive(true));
  events.addEventListener("changed", (event) => changed(JSON.parse(event.data).runs));
  events.addEventListener("error", () => {
    listeners.alive(false);
    if (events.readyState !== EventSource.CLOSED) return;
    setTimeout(connect, RETRY_MS);
  });
}

/** @param {{[run: string]: string}} versions */
function changed(versions) {
  for (const run of store.runs) {
    const version = versions[run.id];
    if (version !== undefined && version !== run.version) update(run);
  }
}

/**
 * One question at a time a run; what changes meanwhile is asked for after.
 * @param {Run} run @returns {Promise<void>}
 */
async function update(run) {
  if (run.isAsked) return void (run.isStale = true);
  run.isAsked = true;
  try {
    listeners.run(await ask(`api/runs/${run.id}?after=${encodeURIComponent(run.version)}`));
  } catch {
    listeners.alive(false);
  }
  run.isAsked = false;
  if (run.isStale) {
    run.isStale = false;
    update(run);
  }
}

/** All that is known of a candidate. Once it has ended, it is asked for once. @param {Row} row */
export async function detail(row) {
  if (report) return (await reported())[row.run.id]?.[row.number] ?? null;
  if (!details.has(row.key)) {
    const answer = await ask(`api/runs/${row.run.id}/candidates/${row.number}`);
    if (row.state === "running") return answer;
    details.set(row.key, answer);
  }
  return details.get(row.key);
}

/**
 * How much each choice matters for a target, in the report at the run's own reward.
 * @param {Run} run @param {string} target @param {Objective} at
 */
export async function importance(run, target, at) {
  if (report) return report.importance[run.id]?.[target] ?? null;
  return ask(`api/runs/${run.id}/importance?target=${target}&${query(at)}`);
}

/**
 * The verdict by another reward than the run's own, which a report does not hold.
 * @param {Run} run @param {Objective} at
 */
export const verdict = (run, at) => ask(`api/runs/${run.id}/verdict?${query(at)}`);

/**
 * Replaces a note, and returns it as it is kept.
 * @param {Run} run @param {number | null} number of a candidate; null: of the run itself
 * @param {Note} note @returns {Promise<Note>}
 */
export function saveNote(run, number, note) {
  const place = number === null ? "" : `/candidates/${number}`;
  return send("PUT", `api/runs/${run.id}${place}/notes`, note);
}

/** Asks a search to end. @param {Run} run */
export const stop = (run) => send("POST", `api/runs/${run.id}/stop`);

/**
 * Asks a search for a network.
 * @param {Run} run @param {{[choice: string]: Option}} choices one option each
 */
export const evaluateNext = (run, choices) => send("POST", `api/runs/${run.id}/next`, choices);

/** Takes the request for a network back. @param {Run} run @param {string} name of the request */
export const withdraw = (run, name) =>
  send("DELETE", `api/runs/${run.id}/next/${encodeURIComponent(name)}`);

/** @param {string} method @param {string} address @param {unknown} [content] */
async function send(method, address, content) {
  const headers = { "Content-Type": "application/json", "X-Token": token ?? "" };
  const body = content === undefined ? undefined : JSON.stringify(content);
  return answered(await fetch(address, { method, headers, body }));
}

/** @param {Objective} at */
const query = (at) => `reward=${encodeURIComponent(objective.text(at))}`;
