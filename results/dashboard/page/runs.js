"use strict";

/** The runs in the page's head: how each stands, whether it is shown, and what is wrong with it. */
{
  const { byId, element, bar } = nas.dom;

  function draw() {
    const { runs } = nas.store;
    document.title = `${runs.map((run) => run.label).join(", ")} · nas`;
    const shown = document.activeElement?.dataset?.run;
    byId("runs").replaceChildren(...runs.map(chip));
    if (shown !== undefined) byId("runs").querySelector(`[data-run="${CSS.escape(shown)}"]`)?.focus();
    drawProblems();
    drawSettings();
  }

  function chip(run, place) {
    const { text, share } = run.problem ? { text: "cannot be shown", share: null } : nas.progress.standing(run);
    const several = nas.store.runs.length > 1;
    const live = run.is_searching && !nas.source.isReport() && element("span.live", { title: "searching" }, "live");
    return element(
      "li", {},
      several && toggle(run, place),
      element("strong", { title: run.path }, run.label),
      element("span.muted", {}, run.title ?? ""),
      share !== null && bar(share, text),
      element("span", {}, text),
      live,
    );
  }

  function toggle(run, place) {
    const change = (event) => {
      nas.state.hidden[event.target.checked ? "delete" : "add"](run.id);
      nas.schedule("filter");
    };
    const dot = element("span.dot");
    dot.style.background = nas.colours.category(place);
    const box = element("input", { type: "checkbox", checked: !nas.state.hidden.has(run.id), onchange: change, "aria-label": `show ${run.label}`, "data-run": run.id });
    return element("label.swatch", {}, box, dot);
  }

  function drawProblems() {
    const problems = nas.store.runs.filter((run) => run.problem).map((run) => element("p.problem", { role: "alert" }, element("strong", {}, run.path), ` ${run.problem}`));
    const warnings = nas.store.runs.flatMap((run) => (run.warnings ?? []).map((text) => element("p.warning", {}, `${run.label}: ${text}`)));
    byId("problems").replaceChildren(...problems, ...warnings);
    byId("empty").hidden = nas.model.rows.length > 0 || problems.length > 0;
  }

  function drawSettings() {
    byId("settings").replaceChildren(...nas.store.runs.filter((run) => run.settings).map((run) => {
      const facts = Object.entries({ path: run.path, ...run.settings });
      return element("dl.facts", {}, facts.flatMap(([name, value]) => [
        element("dt", {}, name), element("dd", {}, typeof value === "string" ? value : JSON.stringify(value)),
      ]));
    }));
  }

  nas.runs = { draw };
}
