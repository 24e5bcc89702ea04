"use strict";

/** The measurements of one candidate, or of two with the difference. */
{
  const { element } = nas.dom;
  const SHOWN = [
    "reward",
    "accuracy",
    "step_ms",
    "step",
    "parameters",
    "multiply_adds",
    "memory",
    "throughput",
    "inference",
    "layers",
    "training",
  ];

  /** @param {Network[]} networks */
  function table(networks) {
    const two = networks.length > 1;
    const head = two ? ["", "A", "B", "B against A"] : ["", "measured", "95 % interval"];
    return element(
      "table.measures",
      {},
      element(
        "thead",
        {},
        element(
          "tr",
          {},
          head.map((text) => element("th", { scope: "col" }, text)),
        ),
      ),
      element(
        "tbody",
        {},
        SHOWN.map((id) =>
          line(
            nas.columns.find(id),
            networks.map(({ row }) => row),
          ),
        ),
      ),
    );
  }

  /** @param {Column} column @param {Row[]} rows */
  function line(column, rows) {
    const values = rows.map(column.value);
    if (values.every((value) => value === null)) return null;
    return element(
      "tr",
      {},
      element("th", { scope: "row" }, column.label),
      values.map((value) => element("td.number", {}, column.format(value))),
      rows.length > 1 ? difference(column, values) : interval(column, rows[0]),
    );
  }

  /** @param {Column} column @param {Row} row */
  function interval(column, row) {
    const ends = column.interval?.(row);
    return element("td.number.muted", {}, ends ? ends.map(column.format).join(" to ") : "");
  }

  /**
   * In percent, with a sign that says which is the better side.
   * @param {Column} column @param {any[]} values
   */
  function difference(column, [a, b]) {
    if (a === b) return element("td.number.muted", {}, "same");
    if (!a || b === null) return element("td");
    const share = `${b > a ? "+" : "−"}${Math.abs(100 * (b / a - 1)).toFixed(1)} %`;
    return element("td.number", {}, element("mark", {}, share), ` ${verdict(column, a, b)}`);
  }

  /** @param {Column} column @param {number} a @param {number} b */
  function verdict({ better }, a, b) {
    if (!better) return "";
    return (better === "low") === b < a ? "better" : "worse";
  }

  nas.measures = { table };
}
