/** What each worker did when: a strip a worker, a bar a candidate. */

import * as colours from "./colours.js";
import { byId, element } from "./dom.js";
import { moment } from "./format.js";
import * as source from "./source.js";
import * as store from "./store.js";

const LANE_PX = 18;
const MOST_LANES = 64;
/** @type {{[state: string]: string}} */
const COLOURS = { failed: "bad", complete: "worker", running: "accent" };
/** @type {(() => void)[]} */
let paints = []; // of the canvases, once they are in the page

/** @param {Run[]} runs */
export function draw(runs) {
  paints = [];
  byId("workers").replaceChildren(...runs.map(ofRun).filter(Boolean));
  for (const paintIt of paints) paintIt();
}

/** As in the terminal. @param {Row} row */
const nameOf = ({ run, worker }) => run.workers?.[worker] ?? worker ?? "not told";

/** @param {Run} run */
function ofRun(run) {
  const rows = [...run.candidates.values()].filter(
    (row) => row.started_at !== null && row.state !== "duplicate",
  );
  if (!rows.length) return null;
  const [from, to] = span(run, rows);
  const names = [...new Set(rows.map(nameOf))].sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
  const lanes = names.slice(0, MOST_LANES).map((name) =>
    lane(
      name,
      rows.filter((row) => nameOf(row) === name),
      from,
      to,
    ),
  );
  const more =
    names.length > MOST_LANES &&
    element("p.muted", {}, `and ${names.length - MOST_LANES} more workers`);
  const title = store.areSeveral() && element("h3", {}, run.label);
  return element(
    "div",
    {},
    title,
    element("div.lanes", {}, lanes.flat()),
    more,
    element("p.muted", {}, `${moment(from)} to ${moment(to)}`),
  );
}

/**
 * From the first start to the last end, or to now while it searches.
 * @param {Run} run @param {Row[]} rows
 */
function span(run, rows) {
  const from = rows.reduce((least, row) => Math.min(least, row.started_at), Infinity);
  const end = rows.reduce((most, row) => Math.max(most, row.finished_at ?? row.started_at), from);
  return [
    from,
    run.is_searching && !source.isReport() ? Math.max(end, Date.now() / 1000) : end,
  ];
}

/** @param {string} name @param {Row[]} rows @param {number} from @param {number} to */
function lane(name, rows, from, to) {
  const busy = rows.reduce(
    (sum, row) => sum + Math.max(0, (row.finished_at ?? to) - row.started_at),
    0,
  );
  const share = `${Math.round((100 * busy) / (to - from || 1))} %`;
  const canvas = element("canvas", {
    role: "img",
    "aria-label": `${name}: busy ${share}, ${rows.length} candidates`,
  });
  paints.push(() => paint(canvas, rows, from, to));
  return [element("span.name", { title: rows[0].worker }, name), canvas, element("span.number", {}, share)];
}

/**
 * @param {HTMLCanvasElement} canvas @param {Row[]} rows @param {number} from
 * @param {number} to
 */
function paint(canvas, rows, from, to) {
  const scale = window.devicePixelRatio || 1;
  const width = canvas.clientWidth;
  [canvas.width, canvas.height] = [width * scale, LANE_PX * scale];
  const pen = canvas.getContext("2d");
  pen.scale(scale, scale);
  /** @param {number} time */
  const onX = (time) => (width * (time - from)) / (to - from || 1);
  for (const row of rows) {
    const [start, end] = [onX(row.started_at), onX(row.finished_at ?? to)];
    pen.fillStyle = colours.theme(COLOURS[row.state] ?? "muted");
    pen.fillRect(start, 2, Math.max(1, end - start - 1), LANE_PX - 4);
  }
}
