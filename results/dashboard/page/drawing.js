/** A network as a picture: a bar a layer, its height the resolution, its width the channels. */

import * as colours from "./colours.js";
import { drawn } from "./dom.js";
import { colourOf, named } from "./operators.js";

const HEIGHT = 96;
const FLOOR = 112; // below it stand the stages' names
const GAP = 2;
const BETWEEN = 10; // stages
const NARROWEST = 3; // layers
const WIDEST = 26;
const ROOM = 700; // for the layers of a deep network
const LEAST_STAGE = 44; // room for its name

/**
 * A stage as drawn, with its layers' and its own width and height in pixels.
 * @typedef {{title: string, operator: string, layers: number, kernel: number, each: number,
 *   width: number, height: number, below: string, resolution: string, hasSqueeze?: boolean}} Part
 */

/**
 * @param {Architecture} architecture as in its JSON
 * @param {?number} imageSize in pixels
 * @param {string} name for those who cannot see it
 */
export function network(architecture, imageSize, name) {
  const parts = stages(architecture, imageSize);
  let at = 0;
  const placed = parts.map((part) => {
    const x = at;
    at += Math.max(LEAST_STAGE, part.width) + BETWEEN;
    return group(part, x);
  });
  const label = `${name}: ${parts.map((part) => `${part.title} ${part.below}`).join(", ")}`;
  return drawn(
    "svg.network",
    { viewBox: `0 0 ${at} 150`, role: "img", "aria-label": label, width: at, height: 150 },
    placed,
  );
}

/** @param {Architecture} architecture @param {number | null} imageSize */
function stages({ stem_channels, stem_stride, stages, head_channels }, imageSize) {
  const most = Math.max(stem_channels, head_channels, ...stages.map((stage) => stage.channels));
  const depth = stages.reduce((sum, stage) => sum + stage.layers, 2);
  const widest = Math.min(WIDEST, ROOM / depth);
  /** @param {number} channels */
  const width = (channels) => Math.max(NARROWEST, widest * Math.sqrt(channels / most));
  let stride = stem_stride;
  /**
   * @param {string} title @param {string} operator @param {number} channels
   * @param {number} layers @param {number} kernel @returns {Part}
   */
  const part = (title, operator, channels, layers, kernel) => ({
    title,
    operator,
    layers,
    kernel,
    each: width(channels),
    width: layers * (width(channels) + GAP),
    height: Math.max(8, HEIGHT / Math.sqrt(Math.max(1, stride / stem_stride))),
    below: `${channels} ch`,
    resolution: imageSize ? `${Math.ceil(imageSize / stride)} px` : `1/${stride}`,
  });
  const parts = [part("stem", "conv", stem_channels, 1, 3)];
  for (const stage of stages) {
    stride *= stage.stride;
    parts.push({
      ...part(titled(stage), stage.operator, stage.channels, stage.layers, stage.kernel),
      hasSqueeze: stage.se_ratio > 0,
    });
  }
  return [...parts, part("head", "conv", head_channels, 1, 1)];
}

/** @param {Stage} stage */
function titled({ operator, kernel, expansion }) {
  return `${named(operator).short}${expansion} k${kernel}`;
}

/** @param {Part} part @param {number} x */
function group(part, x) {
  const colour =
    part.operator === "conv" ? colours.theme("muted") : colourOf(part.operator);
  const layers = Array.from({ length: part.layers }, (_, layer) =>
    drawn("rect", {
      x: x + layer * (part.each + GAP),
      y: FLOOR - 6 - part.height,
      width: part.each,
      height: part.height,
      rx: 1.5,
      fill: colour,
      "fill-opacity": part.kernel > 3 ? 1 : 0.75,
    }),
  );
  const texts = [part.title, part.below, part.resolution].map((text, line) =>
    drawn("text", { x, y: FLOOR + 8 + 13 * line }, text),
  );
  const squeeze =
    part.hasSqueeze &&
    drawn("line", {
      x1: x,
      x2: x + part.width - GAP,
      y1: FLOOR - 3,
      y2: FLOOR - 3,
      stroke: colour,
      "stroke-width": 2,
      "stroke-dasharray": "3 2",
    });
  return drawn("g", {}, layers, texts, squeeze || null);
}
