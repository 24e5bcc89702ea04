"use strict";

/** The runs in the page's head: how each stands, whether it is shown, and what is wrong with it. */
{
  const { byId, element, bar, focused } = nas.dom;

  function draw() {
    const { runs } = nas.store;
    document.title = `${runs.map((run) => run.label).join(", ")} · nas`;
    const shown = focused()?.dataset.run;
    byId("runs").replaceChildren(...runs.filter((run) => !run.problem).map(chip));
    if (shown !== undefined)
      /** @type {HTMLElement | null} */ (
        byId("runs").querySelector(`[data-run="${CSS.escape(shown)}"]`)
      )?.focus();
    drawProblems();
    drawSettings();
  }

  /** @param {Run} run */
  function chip(run) {
    const { text, share } = nas.progress.standing(run);
    const several = nas.store.areSeveral();
    const live =
      run.is_searching &&
      !nas.source.isReport() &&
      element("span.live", { title: "searching" }, "live");
    return element(
      "li",
      {},
      several && toggle(run),
      element("strong", { title: run.path }, run.label),
      element("span.muted", {}, run.title ?? ""),
      share !== null && bar(share, text),
      element("span", {}, text),
      live,
    );
  }

  /** @param {Run} run */
  function toggle(run) {
    const change = () => {
      nas.state.hidden[box.checked ? "delete" : "add"](run.id);
      nas.schedule("filter");
    };
    const box = element("input", {
      type: "checkbox",
      checked: !nas.state.hidden.has(run.id),
      onchange: change,
      "aria-label": `show ${run.label}`,
      "data-run": run.id,
    });
    return element("label.swatch", {}, box, nas.runs.dot(run));
  }

  function drawProblems() {
    const problems = nas.store.runs
      .filter((run) => run.problem)
      .map((run) =>
        element("p.problem", { role: "alert" }, element("strong", {}, run.path), ` ${run.problem}`),
      );
    const warnings = nas.store.runs.flatMap((run) =>
      (run.warnings ?? []).map((text) => element("p.warning", {}, `${run.label}: ${text}`)),
    );
    byId("problems").replaceChildren(...problems, ...warnings);
  }

  function drawSettings() {
    byId("settings").replaceChildren(
      ...nas.store.runs
        .filter((run) => run.settings)
        .map((run) => {
          const facts = Object.entries({ path: run.path, ...run.settings });
          return element(
            "dl.facts",
            {},
            facts.flatMap(([name, value]) => [
              element("dt", {}, name),
              element("dd", {}, shown(name, value)),
            ]),
          );
        }),
    );
  }

  /** @param {string} name of a setting @param {unknown} value */
  function shown(name, value) {
    if (name === "until" && value !== null) return nas.format.moment(value);
    return typeof value === "string" ? value : JSON.stringify(value);
  }

  /** A run's colour, where its candidates stand among others'. @param {Run} run */
  function dot(run) {
    const mark = element("span.dot", { title: run.label });
    mark.style.background = nas.colours.ofRun(run);
    return mark;
  }

  nas.runs = { draw, dot };
}
