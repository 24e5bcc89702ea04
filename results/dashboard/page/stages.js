/** The stage table of EfficientNetV2's Table 4, for one network or two with what differs marked. */

import { element } from "./dom.js";
import { named } from "./operators.js";

const HEAD = ["stage", "operator", "stride", "channels", "layers"];

/** @param {Architecture[]} architectures one or two, as in their JSON */
export function table(architectures) {
  const depth = Math.max(...architectures.map(({ stages }) => stages.length));
  const all = architectures.map((architecture) => lines(architecture, depth));
  const body = all[0].flatMap((_, place) => rows(all, place));
  return element(
    "table.stages",
    {},
    element(
      "thead",
      {},
      element(
        "tr",
        {},
        head(all.length).map((text) => element("th", { scope: "col" }, text)),
      ),
    ),
    element("tbody", {}, body),
  );
}

/** @param {number} count */
const head = (count) => (count > 1 ? ["network", ...HEAD] : HEAD);

/**
 * Stem, stages, head, with null for each stage that the deeper network has alone.
 * @param {Architecture} architecture @param {number} depth
 */
function lines({ stem_channels, stem_stride, stages, head_channels }, depth) {
  const own = stages.map((stage, place) => {
    return [place + 1, operator(stage), stage.stride, stage.channels, stage.layers];
  });
  const none = new Array(depth - stages.length).fill(null);
  const head = [stages.length + 1, "Conv1x1 & Pooling & FC", "-", head_channels, 1];
  return [[0, "Conv3x3", stem_stride, stem_channels, 1], ...own, ...none, head];
}

/** @param {Stage} stage */
function operator({ operator, expansion, kernel, se_ratio, activation }) {
  const size = operator === "mbconv_k7" ? 7 : kernel;
  const squeeze = se_ratio ? `, SE${se_ratio}` : "";
  const unusual = activation ? `, ${activation}` : ""; // the JSON leaves SiLU out
  return `${named(operator).name}${expansion}, k${size}x${size}${squeeze}${unusual}`;
}

/** @param {(Option[] | null)[][]} all @param {number} place */
function rows(all, place) {
  const own = all.map((lines) => lines[place]);
  return own.map((line, network) => {
    const letter = all.length > 1 && element("th", { scope: "row" }, "AB"[network]);
    if (!line)
      return element(
        "tr",
        {},
        letter,
        element("td.muted", { colspan: HEAD.length }, "no such stage"),
      );
    const cells = line.map((value, cell) => {
      const differs = all.length > 1 && (!own[1 - network] || own[1 - network][cell] !== value);
      return element(
        cell === 1 ? "td" : "td.number",
        {},
        differs ? element("mark", {}, value) : value,
      );
    });
    return element("tr", {}, letter, cells);
  });
}
