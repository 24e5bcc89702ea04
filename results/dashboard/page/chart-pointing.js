/** Pointing in a small chart: what is under the mouse, and of crowds also opening and the keyboard. */

import * as crowd from "./crowd.js";
import { announce, drawn, element, isBeside } from "./dom.js";
import * as marks from "./marks.js";

const REACH_PX = 24;
const GAP_PX = 12; // between a tip and what it is on
const RING_PX = 4; // radius
const SAME_PX = 0.5; // values this near on an axis are alike on it

/**
 * A chart as it is in the page.
 * @typedef {{svg: SVGSVGElement, chart: Pick<Chart, "marks" | "open">, frame: Scales, placed: Placed[]}} Sheet
 */
/** @typedef {Sheet & {tip: HTMLElement, mark: SVGElement, spots: Spot[], at: CrowdSpot | null}} Attached */

/** @type {WeakMap<HTMLElement, Attached>} */
const attached = new WeakMap();

/** The places whose keys are heard. @type {WeakSet<HTMLElement>} */
const heard = new WeakSet();

/** Listens in a chart that was drawn. @param {HTMLElement} place @param {Sheet} sheet */
export function attach(place, sheet) {
  const before = attached.get(place);
  const { svg, chart, frame, placed } = sheet;
  const [tip, mark] = [element("div.chart-tip", { hidden: true }), drawn("g.pointed")];
  const spots = chart.marks.flatMap((mark) => marks.spots(mark, frame));
  /** @type {Attached} */
  const now = { ...sheet, tip, mark, spots, at: null };
  attached.set(place, now);
  if (!spots.length && !placed.length) return;
  place.append(now.tip);
  svg.append(now.mark);
  svg.addEventListener("pointermove", ({ offsetX, offsetY }) => point(place, offsetX, offsetY));
  svg.addEventListener("pointerleave", () => leave(place));
  if (chart.open) svg.addEventListener("click", (event) => press(place, event));
  if (chart.open && !heard.has(place)) {
    heard.add(place);
    place.addEventListener("keydown", (event) => pressKey(place, event));
  }
  if (before?.at) pointAgain(place, before.at);
}

/** What was pointed at before a chart was drawn anew. @param {HTMLElement} place @param {CrowdSpot} before */
function pointAgain(place, { row, at }) {
  for (const placed of attached.get(place).placed) {
    const member = placed.mark.members.findIndex((one) => one.row.key === row.key);
    if (member < 0 || !placed.mark.say) continue;
    const last = placed.mark.members[member].y.length - 1;
    return showSpot(place, crowd.spotAt(placed, member, Math.min(at, last)));
  }
}

/** @param {HTMLElement} place @param {number} x @param {number} y */
function point(place, x, y) {
  const { spots, svg } = attached.get(place);
  const member = nearestOf(place, x, y);
  if (member) return showSpot(place, member);
  leave(place);
  const spot = nearest(spots, x, y);
  if (spot) showTip(place, spot, spot.text);
  svg.classList.remove("pointing");
}

/** @param {HTMLElement} place @param {number} x @param {number} y */
function nearestOf(place, x, y) {
  let [found, least] = [/** @type {CrowdSpot | null} */ (null), REACH_PX];
  for (const placed of attached.get(place).placed) {
    const spot = placed.mark.say && crowd.nearest(placed, x, y, least);
    if (spot) [found, least] = [spot, spot.gap];
  }
  return found;
}

/** @param {Spot[]} spots @param {number} x @param {number} y */
function nearest(spots, x, y) {
  let [found, least] = [/** @type {Spot | null} */ (null), REACH_PX];
  for (const spot of spots) {
    const gap = Math.hypot(spot.x - x, spot.y - y);
    if (gap < least) [found, least] = [spot, gap];
  }
  return found;
}

/** @param {HTMLElement} place */
function leave(place) {
  const now = attached.get(place);
  now.tip.hidden = true;
  now.at = null;
  now.mark.replaceChildren();
}

/** @param {HTMLElement} place @param {CrowdSpot} spot */
function showSpot(place, spot) {
  const now = attached.get(place);
  now.at = spot;
  now.svg.classList.toggle("pointing", Boolean(now.chart.open));
  now.mark.replaceChildren(
    drawn("path.line", { d: spot.placed.mark.form === "lines" ? crowd.outline(spot) : "" }),
    drawn("circle.ring", { cx: spot.x, cy: spot.y, r: RING_PX }),
  );
  showTip(place, spot, said(spot));
}

/** @param {CrowdSpot} spot */
const said = ({ placed, row, at }) => placed.mark.say(row, at);

/** @param {HTMLElement} place @param {{x: number, y: number}} spot @param {string} text */
function showTip(place, { x, y }, text) {
  const { tip, svg } = attached.get(place);
  tip.textContent = text;
  tip.hidden = false;
  const isLeft = x > svg.clientWidth / 2;
  const above = place.clientHeight - svg.clientHeight;
  tip.style.left = `${Math.max(0, x + (isLeft ? -GAP_PX - tip.offsetWidth : GAP_PX))}px`;
  tip.style.top = `${y + above - tip.offsetHeight / 2}px`;
}

/** @param {HTMLElement} place @param {MouseEvent} event */
function press(place, event) {
  const spot = nearestOf(place, event.offsetX, event.offsetY);
  if (spot) attached.get(place).chart.open(spot.row, isBeside(event), false);
}

/** @type {{[key: string]: ["x" | "y", number]}} */
const MOVES = {
  ArrowRight: ["x", 1],
  ArrowLeft: ["x", -1],
  ArrowUp: ["y", -1],
  ArrowDown: ["y", 1],
};

/** @param {HTMLElement} place @param {KeyboardEvent} event */
function pressKey(place, event) {
  const { at, chart } = attached.get(place);
  if (event.key === "Enter" && at) chart.open(at.row, isBeside(event), true);
  else if (event.key === "Home") goTo(place, home(place));
  else if (event.key in MOVES) goTo(place, at ? neighbour(place, ...MOVES[event.key]) : home(place));
  else return;
  event.preventDefault();
}

/** @param {HTMLElement} place @param {CrowdSpot | undefined} spot */
function goTo(place, spot) {
  if (!spot) return;
  showSpot(place, spot);
  announce(said(spot));
}

/** The last value of what is drawn last: the winner, unless a filter leaves it out. @param {HTMLElement} place */
const home = (place) => spotsIn(place).at(-1);

/** All values of a chart's crowds that can be pointed at. @param {HTMLElement} place */
export const spotsIn = (place) => attached.get(place).placed.flatMap(crowd.spots);

/**
 * The next spot along an axis: along a line its own ones, across lines those at the same x.
 * @param {HTMLElement} place @param {"x" | "y"} axis @param {number} direction
 */
function neighbour(place, axis, direction) {
  const { at: now } = attached.get(place);
  const isLine = now.placed.mark.form === "lines";
  /** @param {CrowdSpot} spot */
  const isReached = (spot) =>
    !isLine || (axis === "x" ? spot.row === now.row : Math.abs(spot.x - now.x) < SAME_PX);
  const ordered = spotsIn(place)
    .filter(isReached)
    .sort((a, b) => a[axis] - b[axis] || a.row.number - b.row.number);
  const own = ordered.findIndex(({ row, at }) => row === now.row && at === now.at);
  return ordered[Math.min(ordered.length - 1, Math.max(0, own + direction))];
}
