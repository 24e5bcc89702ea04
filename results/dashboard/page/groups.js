/** Candidates in the groups that charts draw alike: most recede, and what matters stands out. */

import * as colours from "./colours.js";
import { thin } from "./crowd.js";
import { model } from "./model.js";
import { state } from "./state.js";
import * as store from "./store.js";

/** Those drawn first are below. @type {Group[]} */
export const GROUPS = ["faded", "complete", "failed", "stopped", "front", "running", "selected", "winner"];
/**
 * The opacity of what recedes, by how many there are.
 * @type {{[form in Crowd["form"]]: {most: number, least: number, crowd: number}}}
 */
const FAINT = {
  lines: { most: 0.6, least: 0.05, crowd: 4 },
  points: { most: 0.8, least: 0.25, crowd: 12 },
};
const FADED = 0.35; // of that
const RADIUS = 1.2; // of a point, for the width of a line

/** The group of a candidate. @param {Row} row @returns {Group} */
export function groupOf(row) {
  if (state.selected.includes(row.key)) return "selected";
  if (model.faded.has(row)) return "faded";
  if (row === model.winner) return "winner";
  if (row.state === "running") return "running";
  if (model.onFront.has(row)) return "front";
  if (row.state === "stopped") return "stopped";
  return row.state === "complete" ? "complete" : "failed";
}

/**
 * The groups that there are, in the order in which they are drawn.
 * @param {Member[]} members @returns {[Group, Member[]][]}
 */
export function grouped(members) {
  const groups = new Map(GROUPS.map((group) => [group, /** @type {Member[]} */ ([])]));
  for (const member of members) groups.get(groupOf(member.row)).push(member);
  return [...groups].filter(([, own]) => own.length);
}

/** How much of a colour one of so many has. @param {number} count @param {Crowd["form"]} form */
export const faintness = (count, form) => opacity(count, FAINT[form]);

/**
 * The opacity of one of so many: the more there are, the less, between two ends.
 * @param {number} count @param {{most: number, least: number, crowd: number}} range
 */
export const opacity = (count, { most, least, crowd }) =>
  Math.min(most, Math.max(least, crowd / Math.sqrt(count)));

/** @type {{[group in Group]: {colour: string, width: number, dash?: number[], ending?: Ending, name?: string}}} */
const LOOKS = {
  faded: { colour: "muted", width: 1 },
  complete: { colour: "muted", width: 1.25, name: "complete" },
  failed: { colour: "bad", width: 1.5, dash: [2, 3], ending: "cross", name: "failed" },
  stopped: { colour: "muted", width: 1.5, dash: [6, 4], ending: "square", name: "stopped" },
  front: { colour: "accent", width: 1.5, name: "front" },
  running: { colour: "second", width: 2.5, ending: "disc", name: "running" },
  winner: { colour: "accent", width: 3.5, name: "winner" },
  selected: { colour: "text", width: 2.5, name: "selected" },
};

/**
 * The marks of a crowd, a group each; of several runs, those that recede in their run's colour.
 * @param {Member[]} members @param {Crowd["form"]} form @param {Crowd["say"]} say @returns {Crowd[]}
 */
export function marks(members, form, say) {
  return grouped(members).flatMap(([group, own]) =>
    parts(group, own).map(({ members: part, ...look }) => ({
      kind: "crowd",
      form,
      members: part,
      say: group === "faded" ? undefined : say,
      ...looks(group, form, members.length, own.length),
      ...look,
    })),
  );
}

/** @param {Group} group @param {Member[]} members @returns {{members: Member[], colour?: string, name?: string}[]} */
function parts(group, members) {
  if (!store.areSeveral() || !["complete", "front"].includes(group)) return [{ members }];
  return store.runs
    .map((run) => ({
      members: members.filter(({ row }) => row.run === run),
      colour: colours.ofRun(run),
      name: group === "front" ? `${run.label}, front` : run.label,
    }))
    .filter(({ members }) => members.length);
}

/**
 * How a group of so many looks in a chart of so many.
 * @param {Group} group @param {Crowd["form"]} form @param {number} count of all @param {number} own
 */
function looks(group, form, count, own) {
  const { colour, width, ...others } = LOOKS[group];
  const faint = faintness(count, form);
  /** @type {{[group in Group]?: number}} */
  const opacities = { faded: FADED * faint, complete: faint, stopped: Math.max(0.35, faint), failed: 0.8 };
  return {
    ...others,
    colour: colours.theme(colour),
    opacity: opacities[group] ?? 1,
    width: form === "lines" ? thin(own, width) : 1 + RADIUS * width,
  };
}

/** Whose it is, and how it ended: the head of a tip. @param {Row} row */
export function told(row) {
  const run = store.areSeveral() ? `, ${row.run.label}` : "";
  const role = [row === model.winner && "the winner", model.onFront.has(row) && "on the front", again(row)];
  const ended = row.state === "complete" ? role : [[row.state, row.cause].filter(Boolean).join(": ")];
  return [`${store.title(row)}${run}`, ...ended].filter(Boolean).join(", ");
}

/** Of what is trained another time: whose, and at which fidelity. @param {Row} row */
function again({ confirms, fidelity }) {
  if (confirms === null || confirms < 0) return null;
  return `another training of no. ${confirms}${fidelity ? ` (${fidelity})` : ""}`;
}
