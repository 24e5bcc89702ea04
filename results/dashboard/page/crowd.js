/**
 * Many candidates in a small chart, each as a line or as a point: drawn on a canvas, since an SVG of
 * a thousand curves answers slowly.
 */

const STROKES = 1000; // of a crowd at most; fewer lines a stroke show better where many overlap
const FEW = 50; // lines
const GAP = NaN; // where a value is not known

/**
 * The width of lines of which there are so many: of many one pixel of the screen, since a wider line
 * takes ten times as long to draw.
 * @param {number} count @param {number} width of a few, in pixels of the page
 */
export const thin = (count, width) =>
  count > FEW ? Math.min(width, 1 / (globalThis.devicePixelRatio || 1)) : width;

/**
 * Where a crowd's values are in a chart.
 * @param {Crowd} mark @param {Scales} frame @returns {Placed}
 */
export function place(mark, frame) {
  const starts = new Int32Array(mark.members.length + 1);
  mark.members.forEach(({ y }, member) => (starts[member + 1] = starts[member] + y.length));
  const [xs, ys] = [new Float32Array(starts.at(-1)), new Float32Array(starts.at(-1))];
  mark.members.forEach(({ x, y }, member) => {
    for (let at = 0; at < y.length; at++) {
      xs[starts[member] + at] = frame.toX(x[at]);
      ys[starts[member] + at] = y[at] === null ? GAP : frame.toY(y[at]);
    }
  });
  return { mark, starts, xs, ys };
}

/** @param {Pen} pen in CSS pixels @param {Placed} placed */
export function paint(pen, placed) {
  const { mark } = placed;
  pen.save();
  pen.strokeStyle = pen.fillStyle = mark.colour;
  pen.globalAlpha = mark.opacity ?? 1;
  if (mark.form === "points") paintPoints(pen, placed);
  else paintLines(pen, placed);
  pen.restore();
}

/** @param {Pen} pen @param {Placed} placed */
function paintPoints(pen, { mark, xs, ys }) {
  for (let at = 0; at < xs.length; at++) {
    if (Number.isNaN(ys[at])) continue;
    pen.beginPath();
    pen.arc(xs[at], ys[at], mark.width, 0, 2 * Math.PI);
    pen.fill();
  }
}

/** @param {Pen} pen @param {Placed} placed */
function paintLines(pen, placed) {
  const { mark, starts } = placed;
  pen.lineWidth = mark.width;
  pen.lineJoin = "round";
  const batch = Math.max(1, Math.ceil(mark.members.length / STROKES));
  for (let first = 0; first < mark.members.length; first += batch) {
    pen.beginPath();
    pen.setLineDash(mark.dash ?? []);
    const last = Math.min(mark.members.length, first + batch);
    for (let member = first; member < last; member++) trace(pen, placed, member);
    pen.stroke();
    const isLone = placed.starts[last] - placed.starts[first] === last - first;
    const ending = mark.ending ?? (isLone ? "disc" : null); // a single value is no line
    if (!ending) continue;
    pen.beginPath();
    pen.setLineDash([]);
    for (let member = first; member < last; member++) {
      const end = lastKnown(placed, member);
      if (end >= starts[member]) ENDINGS[ending](pen, placed.xs[end], placed.ys[end]);
    }
    pen.stroke();
  }
}

/** A line through what is known of a member. @param {Pen} pen @param {Placed} placed @param {number} member */
function trace(pen, { starts, xs, ys }, member) {
  let isOpen = false;
  for (let at = starts[member]; at < starts[member + 1]; at++) {
    if (Number.isNaN(ys[at])) isOpen = false;
    else if (isOpen) pen.lineTo(xs[at], ys[at]);
    else {
      pen.moveTo(xs[at], ys[at]);
      isOpen = true;
    }
  }
}

/**
 * The place of a member's last known value; before its first place without one.
 * @param {Placed} placed @param {number} member
 */
function lastKnown({ starts, ys }, member) {
  let at = starts[member + 1] - 1;
  while (at >= starts[member] && Number.isNaN(ys[at])) at--;
  return at;
}

const END_PX = 3;

/** What stands at the end of a line. @type {{[ending in Ending]: (pen: Pen, x: number, y: number) => void}} */
const ENDINGS = {
  cross: (pen, x, y) => {
    pen.moveTo(x - END_PX, y - END_PX);
    pen.lineTo(x + END_PX, y + END_PX);
    pen.moveTo(x - END_PX, y + END_PX);
    pen.lineTo(x + END_PX, y - END_PX);
  },
  square: (pen, x, y) => pen.rect(x - END_PX, y - END_PX, 2 * END_PX, 2 * END_PX),
  disc: (pen, x, y) => {
    pen.moveTo(x + END_PX, y);
    pen.arc(x, y, END_PX, 0, 2 * Math.PI);
  },
};

/**
 * The spot of a crowd that is nearest to a place, within reach: of the line that is nearest, its
 * nearest value.
 * @param {Placed} placed @param {number} x @param {number} y @param {number} reach
 * @returns {(CrowdSpot & {gap: number}) | null}
 */
export function nearest(placed, x, y, reach) {
  const { starts, xs, ys, mark } = placed;
  let [found, least, owner] = [-1, reach, -1];
  for (let member = 0; member < mark.members.length; member++) {
    for (let at = starts[member]; at < starts[member + 1]; at++) {
      const isLine = at > starts[member] && !Number.isNaN(ys[at - 1]);
      const left = isLine ? xs[at - 1] : xs[at];
      if (Number.isNaN(ys[at]) || x < left - least || x > xs[at] + least) continue;
      const gap = isLine
        ? fromSegment(x, y, left, ys[at - 1], xs[at], ys[at])
        : Math.hypot(x - xs[at], y - ys[at]);
      if (gap > least) continue;
      [least, owner] = [gap, member];
      found = isLine && x - left < xs[at] - x ? at - 1 : at;
    }
  }
  return found < 0 ? null : { ...spotAt(placed, owner, found - starts[owner]), gap: least };
}

/**
 * How far a place is from a segment.
 * @type {(x: number, y: number, x0: number, y0: number, x1: number, y1: number) => number}
 */
export function fromSegment(x, y, x0, y0, x1, y1) {
  const [across, up] = [x1 - x0, y1 - y0];
  const length = across * across + up * up;
  const share = length && ((x - x0) * across + (y - y0) * up) / length;
  const nearest = Math.min(1, Math.max(0, share));
  return Math.hypot(x - x0 - nearest * across, y - y0 - nearest * up);
}

/** @param {Placed} placed @param {number} member @param {number} at @returns {CrowdSpot} */
export function spotAt(placed, member, at) {
  const { mark, starts, xs, ys } = placed;
  const place = starts[member] + at;
  const { row } = mark.members[member];
  return { placed, member, at, row, x: xs[place], y: ys[place] };
}

/** All spots that can be pointed at. @param {Placed} placed @returns {CrowdSpot[]} */
export function spots(placed) {
  const { mark, starts, ys } = placed;
  if (!mark.say) return [];
  return mark.members.flatMap((_, member) =>
    Array.from({ length: starts[member + 1] - starts[member] }, (_, at) => at)
      .filter((at) => !Number.isNaN(ys[starts[member] + at]))
      .map((at) => spotAt(placed, member, at)),
  );
}

/** The line of a spot as an SVG's path. @param {CrowdSpot} spot */
export function outline({ placed: { starts, xs, ys }, member }) {
  let path = "";
  let isOpen = false;
  for (let at = starts[member]; at < starts[member + 1]; at++) {
    const isKnown = !Number.isNaN(ys[at]);
    if (isKnown) path += `${isOpen ? "L" : "M"}${xs[at].toFixed(1)} ${ys[at].toFixed(1)}`;
    isOpen = isKnown;
  }
  return path;
}
