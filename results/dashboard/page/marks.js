/** The marks of a small chart: lines, steps, points with their intervals, and boxes. */

import { drawn as shape } from "./dom.js";

const POINT_PX = 2.5; // radius
const BOX_SHARE = 0.75; // of a category's width for all of its boxes
const INNER = 0.8; // of a box's room

/** @param {Points | Boxes} mark @param {ChartFrame} frame */
export function drawn(mark, frame) {
  return coloured(mark, KINDS[mark.kind](mark, frame).flat());
}

/** Every mark is drawn in the current colour, which follows the theme. @type {(mark: Mark, shapes: SVGElement[]) => SVGGElement} */
function coloured({ colour }, shapes) {
  const group = shape("g", {}, shapes);
  group.style.color = colour;
  return group;
}

/** @type {{[kind in Exclude<Mark["kind"], "crowd">]: (mark: any, frame: ChartFrame) => (SVGElement | SVGElement[])[]}} */
const KINDS = {
  line: (mark, frame) => [path(mark, joined(places(mark, frame), "L"))],
  steps: (mark, frame) => [path(mark, joined(places(mark, frame), "H"))],
  curve: (mark, frame) => [...KINDS.line(mark, frame), ...KINDS.points(mark, frame)],
  points,
  boxes: (mark, frame) =>
    mark.x.map((/** @type {number} */ at, /** @type {number} */ place) =>
      box(mark, at, mark.quantiles[place], frame),
    ),
};

/** Where a mark's points are; null where a value is not known. @param {Points} mark @param {Scales} frame */
const places = ({ x, y }, frame) =>
  x.map((value, place) =>
    y[place] === null ? null : /** @type {Pair} */ ([frame.toX(value), frame.toY(y[place])]),
  );

/** A path through places; H goes across first. @param {(Pair | null)[]} spots @param {"L" | "H"} how */
function joined(spots, how) {
  let isOpen = false;
  return spots
    .map((spot) => {
      const wasOpen = isOpen;
      isOpen = spot !== null;
      if (!spot) return "";
      const [x, y] = spot.map((value) => value.toFixed(1));
      if (!wasOpen) return `M${x} ${y}`;
      return how === "H" ? `H${x}V${y}` : `L${x} ${y}`;
    })
    .join("");
}

/** @param {Points} mark @param {string} d */
const path = ({ dash }, d) => shape("path.line", { d, "stroke-dasharray": dash ?? "none" });

/** @param {Points} mark @param {ChartFrame} frame */
function points(mark, frame) {
  return places(mark, frame).map((spot, place) => {
    if (!spot) return [];
    const bars = [
      mark.across && bar(spot, [frame.toX(mark.x[place] + mark.across[place]) - spot[0], 0]),
      mark.up && bar(spot, [0, frame.toY(mark.y[place] + mark.up[place]) - spot[1]]),
    ];
    const symbol = typeof mark.symbol === "function" ? mark.symbol(place) : mark.symbol;
    return [...bars.filter(Boolean), point(spot, symbol ?? "disc", mark.radius ?? POINT_PX)];
  });
}

/** A line to both sides. @param {Pair} spot @param {Pair} half */
const bar = ([x, y], [across, up]) =>
  shape("line.interval", { x1: x - across, y1: y - up, x2: x + across, y2: y + up });

/** @param {Pair} spot @param {PointSymbol} symbol @param {number} radius */
function point([x, y], symbol, radius) {
  if (symbol !== "diamond") return shape(`circle.point.${symbol}`, { cx: x, cy: y, r: radius });
  const r = 1.35 * radius;
  return shape("path.point.diamond", { d: `M${x} ${y - r}L${x + r} ${y}L${x} ${y + r}L${x - r} ${y}Z` });
}

/** The room of a box: its middle and its half width. @param {Boxes} mark @param {number} at @param {Scales} frame */
function room({ order, of }, at, frame) {
  const each = ((frame.toX(at + 1) - frame.toX(at)) * BOX_SHARE) / of;
  return { x: frame.toX(at) + each * (order - (of - 1) / 2), half: (each * INNER) / 2 };
}

/** Whiskers, the middle half, and the median. @param {Boxes} mark @param {number} at @param {number[]} quantiles @param {ChartFrame} frame */
function box(mark, at, quantiles, frame) {
  const { x, half } = room(mark, at, frame);
  const [low, lower, median, upper, high] = quantiles.map(frame.toY);
  const whisker = `M${x} ${low}V${lower}M${x} ${upper}V${high}`;
  const ends = `M${x - half / 2} ${low}h${half}M${x - half / 2} ${high}h${half}`;
  return [
    shape("path.whisker", { d: whisker + ends }),
    shape("rect.box", { x: x - half, y: upper, width: 2 * half, height: Math.max(0.5, lower - upper) }),
    shape("path.line", { d: `M${x - half} ${median}h${2 * half}` }),
  ];
}

/** All values that the axes are to show. @param {Mark} mark @returns {{x: number[], y: number[]}} */
export function extents(mark) {
  if (mark.kind === "crowd") {
    const { members } = mark;
    return {
      x: members.flatMap(({ x }) => x),
      y: members.flatMap(({ y }) => y.filter((value) => value !== null)),
    };
  }
  if (mark.kind === "boxes") return { x: mark.x, y: mark.quantiles.flat() };
  const known = (/** @type {number | null} */ value) => value !== null;
  return {
    x: withBars(mark.x, mark.across),
    y: withBars(mark.y, mark.up).filter(known),
  };
}

/** @param {(number | null)[]} values @param {number[]} [halves] */
const withBars = (values, halves) =>
  halves
    ? values.flatMap((value, place) => [value - halves[place], value + halves[place]])
    : values;

/** The places that have something to say. @param {Mark} mark @param {Scales} frame @returns {Spot[]} */
export function spots(mark, frame) {
  if (mark.kind === "crowd" || !mark.tip) return [];
  const { tip } = mark;
  if (mark.kind === "boxes") {
    return mark.x.map((at, place) => ({
      x: room(mark, at, frame).x,
      y: frame.toY(mark.quantiles[place][2]),
      text: tip(place),
    }));
  }
  return places(mark, frame).flatMap((spot, place) =>
    spot ? [{ x: spot[0], y: spot[1], text: tip(place) }] : [],
  );
}

/** A mark's sign in the legend, 18 by 10 px. @param {Mark} mark */
export function sample(mark) {
  const inside = [];
  if (mark.kind === "crowd") return coloured(mark, crowdSample(mark));
  if (mark.kind === "boxes") inside.push(shape("rect.box", { x: 4, y: 1, width: 10, height: 8 }));
  else {
    if (mark.kind !== "points") inside.push(path(mark, "M0 5H18"));
    if (mark.kind === "points" || mark.kind === "curve") {
      const symbol = typeof mark.symbol === "function" ? mark.symbol(0) : mark.symbol;
      inside.push(point([9, 5], symbol ?? "disc", POINT_PX));
    }
  }
  return coloured(mark, inside);
}

/** @param {Crowd} mark @returns {SVGElement[]} */
function crowdSample({ form, width, dash, ending }) {
  if (form === "points") return [point([9, 5], "disc", Math.max(width, POINT_PX))];
  const line = shape("path.line", { d: "M0 5H18", "stroke-dasharray": dash?.join(" ") ?? "none" });
  line.style.strokeWidth = `${width}px`;
  return [line, ...(ending ? [shape("path.line.ending", { d: ENDINGS[ending] })] : [])];
}

/** @type {{[ending in Ending]: string}} */
const ENDINGS = {
  cross: "M12 2L18 8M12 8L18 2",
  square: "M12 2H18V8H12Z",
  disc: "M12 5a3 3 0 1 0 6 0a3 3 0 1 0 -6 0",
};
