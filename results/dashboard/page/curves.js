/** The charts of an open candidate, or of two: learning curves and step-time samples. */

import * as charts from "./charts.js";
import * as columns from "./columns.js";
import { duration, fixed } from "./format.js";

/** @param {number} place of the network */
const colourOf = (place) => `var(--${place ? "second" : "accent"})`;

/** The run's metric by epoch. @param {HTMLElement} place @param {Network[]} shown */
export function learning(place, shown) {
  const marks = shown.map(({ label, detail: { curve } }, network) => ({
    kind: /** @type {const} */ ("curve"),
    name: label,
    colour: colourOf(network),
    dash: network ? "2 3" : null,
    x: curve.map(([epoch]) => epoch),
    y: curve.map(([, , accuracy]) => 100 * accuracy),
    /** @param {number} at */
    tip: (at) => {
      const [epoch, loss, accuracy, elapsed] = curve[at];
      const after = `loss ${fixed(4)(loss)}, after ${duration(elapsed)}`;
      return `epoch ${epoch}: ${fixed(2)(100 * accuracy)} %\n${after}`;
    },
  }));
  charts.draw(place, {
    x: { title: "epoch", isWhole: true },
    y: { title: columns.find("accuracy").label },
    marks,
  });
}

/**
 * Each timed step in its order, with the backbone's in turn.
 * @param {HTMLElement} place @param {Network[]} shown
 */
export function samples(place, shown) {
  /**
   * @param {number[]} values in seconds @param {string} name @param {string} colour
   * @param {PointSymbol} symbol
   */
  const points = (values, name, colour, symbol) => ({
    kind: /** @type {const} */ ("points"),
    name,
    colour,
    symbol,
    x: values.map((_, at) => at + 1),
    y: values.map((value) => 1000 * value),
    /** @param {number} at */
    tip: (at) => `step ${at + 1}: ${fixed(2)(1000 * values[at])} ms`,
  });
  const marks = shown.flatMap(({ label, detail }, network) => [
    points(detail.samples_s, label, colourOf(network), network ? "diamond" : "disc"),
    ...(network
      ? []
      : [points(detail.reference_samples_s, "backbone, in turn", "var(--muted)", "ring")]),
  ]);
  charts.draw(place, {
    x: { title: "pair", isWhole: true },
    y: { title: "step (ms)", fromZero: true },
    marks,
  });
}
