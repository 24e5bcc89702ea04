"use strict";

/**
 * The population's error distribution functions, as in Radosavovic et al., "On Network Design Spaces
 * for Visual Recognition": what share of the candidates is below each error.
 */
{
  const { byId, option } = nas.dom;
  /** @type {("population" | "split")[]} */
  const SELECTS = ["population", "split"];
  const MOST_POINTS = 400;
  const DASHES = ["solid", "dash", "dot", "dashdot"];

  /** @returns {{[column: string]: string}} by column: its title */
  function quantities() {
    const { title } = nas.store.metric();
    const error = title === "accuracy" ? "error (%)" : `100 - ${title} (%)`;
    return { accuracy: error, reward: "reward", step: "S/S0" };
  }

  function listen() {
    for (const name of SELECTS) {
      byId(name).addEventListener("change", () => {
        nas.state[name] = byId(name).value;
        nas.schedule("population");
      });
    }
  }

  function draw() {
    const splits = [
      nas.columns.find("run"),
      ...nas.columns.all().filter((column) => column.id.includes(".")),
    ];
    const split = splits.find((column) => column.id === nas.state.split) ?? splits[0];
    const titles = quantities();
    const quantity = Object.hasOwn(titles, nas.state.population)
      ? nas.state.population
      : "accuracy";
    byId("population").replaceChildren(
      ...Object.entries(titles).map(([id, label]) => option(id, label, quantity)),
    );
    byId("split").replaceChildren(...splits.map(({ id, label }) => option(id, label, split.id)));
    const column = nas.columns.find(quantity);
    /** @type {Column["value"]} */
    const value = quantity === "accuracy" ? (row) => 100 * (1 - row.accuracy) : column.value;
    const rows = nas.model.shown.filter(
      (row) => row.state === "complete" && column.value(row) !== null,
    );
    const groups = [...new Set(rows.map(split.value))].sort(nas.colours.inOrder);
    const colour = nas.colours.categoryColours(split);
    const traces = groups.map((name, place) => {
      const values = rows.filter((row) => split.value(row) === name).map(value);
      return distribution(values, name, {
        color: colour(name, place),
        dash: DASHES[place % DASHES.length],
      });
    });
    nas.charts.chart(byId("distribution"), traces, {
      x: { title: titles[quantity] },
      y: { title: "share of candidates below (%)", range: [0, 102] },
    });
  }

  /** @param {number[]} values @param {Option | null} name @param {object} line */
  function distribution(values, name, line) {
    const ordered = Float64Array.from(values).sort();
    const count = Math.min(ordered.length, MOST_POINTS);
    const shares = Array.from({ length: count }, (_, point) => (point + 1) / count);
    return {
      x: [ordered[0], ...shares.map((share) => ordered[Math.ceil(share * ordered.length) - 1])],
      y: [0, ...shares.map((share) => 100 * share)],
      name: nas.format.plain(`${name ?? "left out"} (${nas.format.count(ordered.length)})`),
      mode: "lines",
      line: { shape: "hv", width: 2, ...line },
    };
  }

  nas.population = { listen, draw };
}
