/** Parallel coordinates: a line each candidate across its choices and measures, coloured by reward. */

import * as brush from "./brush.js";
import * as candidate from "./candidate.js";
import * as pointing from "./chart-pointing.js";
import * as charts from "./charts.js";
import * as colours from "./colours.js";
import * as columns from "./columns.js";
import { thin } from "./crowd.js";
import * as dimensions from "./dimensions.js";
import { byId, drawn, element, option } from "./dom.js";
import { count } from "./format.js";
import * as groups from "./groups.js";
import * as legend from "./legend.js";
import { model } from "./model.js";
import { schedule } from "./schedule.js";
import { state } from "./state.js";

const LEAST_PX = 38; // between two axes of a stage, where all of them are in sight
const SCROLLED_PX = 48; // and where the reader must scroll
const LETTER_PX = 5.6; // an average one's width in a title
const MARGIN = { left: 36, right: 42, top: 44, bottom: 2 };
const ROW_PX = 13; // of titles
const NONE_PX = 30; // for the candidates without a value
const FONT_PX = 11;
const ALL = "all stages";
const OPACITY = { most: 0.85, least: 0.1, crowd: 10 }; // by how many there are
const WIDTH = 1.25;
const MOST = 3000; // lines; of more, and of a third as many that are filtered out, an even share is drawn

export function listen() {
  new ResizeObserver(() => {
    if (state.view === "parallel") schedule("size");
  }).observe(byId("parallel-frame"));
  byId("stage").addEventListener("change", () => {
    state.stage = byId("stage").value;
    schedule("filter");
  });
  brush.listen();
}

export function draw() {
  const all = model.ranked.filter(({ confirms }) => confirms === null);
  const rows = drawnOf(all);
  const own = chosenStage(dimensions.dimensions(all));
  const frame = framed(own);
  byId("parallel-room").style.width = `${frame.outer.width}px`;
  const members = dimensions.members(own, rows, all);
  const colour = colours.colouring(
    model.shown.filter(({ reward }) => reward !== null),
    columns.find("reward"),
  );
  const marks = lines(members, colour, (row, at) => said(own[at], row));
  drawLegend(colour, rows, all);
  show(frame, own, marks, members.some(({ y }) => y.includes(dimensions.NONE)));
  brush.draw(own, frame);
}

/** The axes of the stage that the reader chose, with the measures; of all if there is none. @param {Dimension[]} own */
function chosenStage(own) {
  const groups = [...new Set(own.filter(({ isChoice }) => isChoice).map(({ group }) => group))];
  const stage = groups.find((group) => group === state.stage) ?? ALL;
  const [select, names] = [byId("stage"), [ALL, ...groups]];
  const isSame = names.join() === [...select.options].map(({ value }) => value).join();
  if (!isSame) select.replaceChildren(...names.map((group) => option(group, group, stage)));
  select.value = stage;
  return own.filter(({ group, isChoice }) => stage === ALL || group === stage || !isChoice);
}

/** Of very many an even share, with all that stand out. @param {Row[]} all */
function drawnOf(all) {
  const [faded, shown] = [true, false].map((isFaded) => all.filter((row) => model.faded.has(row) === isFaded));
  const isChosen = (/** @type {Row} */ row) =>
    row === model.winner || model.onFront.has(row) || state.selected.includes(row.key);
  const kept = [...dimensions.thinned(faded, MOST / 3), ...dimensions.thinned(shown, MOST)];
  return [...new Set([...kept, ...all.filter(isChosen)])];
}

/** Where the axes are, in pixels. @param {Dimension[]} own @returns {ParallelFrame} */
function framed(own) {
  const { clientWidth, clientHeight: height } = byId("parallel-frame");
  const units = dimensions.positions(own);
  const { left, right, bottom } = MARGIN;
  const room = (clientWidth - left - right) / Math.max(1, units.at(-1));
  const each = room < LEAST_PX ? SCROLLED_PX : room;
  const width = left + right + each * Math.max(1, units.at(-1));
  const longest = Math.max(...own.map(({ title }, at) => (title.length + (own[at - 1]?.title.length ?? 0)) / 2));
  const rows = longest * LETTER_PX > each ? 2 : 1; // neighbouring titles would touch
  const top = MARGIN.top + (rows - 1) * ROW_PX;
  const long = height - top - bottom - NONE_PX;
  return {
    outer: { width, height },
    rows,
    top,
    height: long,
    xs: units.map((unit) => left + each * unit),
    toX: (place) => left + each * units[place],
    toY: (share) => top + (share === dimensions.NONE ? long + NONE_PX - FONT_PX : long * (1 - share)),
  };
}

/**
 * The lines in the order in which they are drawn: those that a filter leaves out, those without a
 * reward, the others from the lowest reward to the highest, and what was chosen.
 * @param {Member[]} members @param {Colouring} colour @param {Crowd["say"]} say @returns {Crowd[]}
 */
function lines(members, colour, say) {
  const opacity = groups.opacity(model.shown.length, OPACITY);
  /** @param {Member[]} own @param {Partial<Crowd>} look @returns {Crowd} */
  const crowd = (own, look) => ({
    kind: "crowd",
    form: "lines",
    members: own,
    width: thin(members.length, WIDTH),
    colour: colours.theme("muted"),
    say,
    ...look,
  });
  const faint = groups.faintness(members.length, "lines");
  const chosen = members.filter(({ row }) => row === model.winner || state.selected.includes(row.key));
  const isShown = (/** @type {Member} */ { row }) => !model.faded.has(row);
  const others = members.filter((member) => isShown(member) && !chosen.includes(member));
  const rewarded = others
    .filter(({ row }) => row.reward !== null)
    .sort((a, b) => a.row.reward - b.row.reward);
  return [
    crowd(members.filter(({ row }) => model.faded.has(row)), { say: undefined, opacity: faint / 2 }),
    crowd(others.filter(({ row }) => row.reward === null), { opacity: Math.min(0.6, opacity) }),
    ...alike(rewarded, colour).map(([text, own]) => crowd(own, { colour: text, opacity })),
    ...chosen.map((member) => crowd([member], { ...emphasis(member.row), say: isShown(member) && say })),
  ].filter(({ members }) => members.length);
}

/** @param {Row} row */
const emphasis = (row) =>
  row === model.winner
    ? { colour: colours.theme("accent"), width: 3.5 }
    : { colour: colours.theme("text"), width: 2.5 };

/** Neighbours of one colour. @param {Member[]} members by reward @param {Colouring} colour */
function alike(members, colour) {
  /** @type {[string, Member[]][]} */
  const found = [];
  for (const member of members) {
    const text = colour.of(member.row);
    if (found.at(-1)?.[0] === text) found.at(-1)[1].push(member);
    else found.push([text, [member]]);
  }
  return found;
}

/** @param {Dimension} dimension @param {Row} row */
function said(dimension, row) {
  const { id, label } = dimension;
  const lines = [groups.told(row), `${label}: ${dimension.text(dimension.value(row))}`];
  const { format, value } = columns.find("reward");
  if (id !== "reward" && value(row) !== null) lines.push(`reward ${format(value(row))}`);
  return lines.join("\n");
}

/** @param {ParallelFrame} frame @param {Dimension[]} own @param {Crowd[]} marks @param {boolean} hasNone */
function show(frame, own, marks, hasNone) {
  const { width, height } = frame.outer;
  const place = byId("parallel");
  const placed = charts.placed(marks, frame);
  const svg = drawn(
    "svg",
    { width, height, viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" },
    drawn("g.axes", {}, headings(own, frame), own.map((dimension, at) => axis(dimension, at, frame))),
    hasNone && text("none", 0, frame.toY(dimensions.NONE) + FONT_PX / 3, "start"),
  );
  place.replaceChildren(charts.canvas(placed, frame), svg);
  pointing.attach(place, { svg, chart: { marks: [], open: candidate.select }, frame, placed });
}

/** The stages' names, each over its axes. @param {Dimension[]} own @param {ParallelFrame} frame */
function headings(own, { xs }) {
  return [...new Set(own.map(({ group }) => group))].map((group) => {
    const places = own.flatMap((dimension, at) => (dimension.group === group ? [xs[at]] : []));
    return text(group, (places[0] + places.at(-1)) / 2, FONT_PX + 3, "middle", ".group");
  });
}

/** @param {Dimension} dimension @param {number} at @param {ParallelFrame} frame */
function axis(dimension, at, { xs, rows, top, height, toY }) {
  const x = xs[at];
  return drawn(
    "g.axis",
    {},
    drawn("line.grid", { x1: x, x2: x, y1: top, y2: top + height }),
    text(dimension.title, x, top - 12 - ROW_PX * ((at + 1) % rows), "middle"),
    dimension.ticks.map((tick) =>
      text(tick.text, x + 5, toY(dimensions.share(dimension, tick.at)) + FONT_PX / 3, "start"),
    ),
  );
}

/** @type {(content: string, x: number, y: number, anchor: string, kind?: string) => SVGElement} */
const text = (content, x, y, anchor, kind = "") =>
  drawn(`text${kind}`, { x, y, "text-anchor": anchor }, content);

/** @param {Colouring} colour @param {Row[]} rows those that are drawn @param {Row[]} all */
function drawLegend(colour, rows, all) {
  const isOpen = rows.some(({ reward }) => reward === null);
  const share = `${count(rows.length)} of ${count(all.length)} drawn, evenly over their rewards.`;
  byId("parallel-legend").replaceChildren(
    legend.scale(columns.find("reward"), colour),
    model.winner ? key("M0 6H18", { stroke: "var(--accent)", "stroke-width": 3.5 }, "winner") : "",
    isOpen ? key("M0 6H18", { stroke: "var(--muted)", "stroke-width": 1.5 }, "without reward") : "",
    element("span.muted", {}, "To filter, drag on an axis or its handles, or press an option; press again to undo."),
    rows.length < all.length ? element("span.muted", {}, share) : "",
  );
}

/** @param {string} d @param {Attributes} look @param {string} name */
const key = (d, look, name) =>
  element(
    "span.key",
    {},
    drawn("svg", { width: 18, height: 12, "aria-hidden": "true" }, drawn("path", { d, ...look })),
    name,
  );
