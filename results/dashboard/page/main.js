"use strict";

/** Starts the page and draws what a change calls for, once a frame. */
{
  const { byId } = nas.dom;
  /** @type {View[]} */
  const VIEWS = ["plot", "table", "matters", "progress"];
  /** @type {Set<Reason>} */
  const pending = new Set();
  /** @type {string | null | undefined} */
  let said = null;
  let isDrawn = false;

  /** @param {...Reason} reasons */
  nas.schedule = (...reasons) => {
    if (pending.size === 0) requestAnimationFrame(render);
    for (const reason of reasons) pending.add(reason);
  };

  nas.show = (view) => {
    nas.state.view = view;
    nas.schedule("view");
  };

  function render() {
    const reasons = new Set(pending);
    pending.clear();
    /** @type {Has} */
    const has = (...names) => names.some((name) => reasons.has(name));
    nas.derive.refresh(reasons);
    if (has("controls")) nas.filters.draw();
    if (has("view", "controls")) drawViews();
    if (has("data", "filter", "controls")) {
      nas.runs.draw();
      nas.filters.drawCount();
    }
    DRAWN[view()](has, reasons);
    if (has("data", "filter", "reward", "controls")) nas.verdict.draw();
    if (has("data", "controls")) nas.comparison.draw();
    if (has("data", "filter", "reward")) nas.reward.draw();
    if (has("selection", "data", "controls")) nas.candidate.draw();
    tellWinner();
    nas.address.remember();
    measure();
  }

  const view = () => VIEWS.find((name) => name === nas.state.view) ?? "plot";

  /** @type {{[view in View]: (has: Has, reasons: Set<Reason>) => void}} */
  const DRAWN = {
    plot: (has) => {
      const onReward = [nas.state.x, nas.state.y].includes("reward") && has("reward");
      if (onReward || has("data", "filter", "axes", "zoom", "view", "controls", "size"))
        nas.plot.draw();
      else if (has("reward", "selection")) nas.plot.drawCloud();
    },
    table: (has) => {
      if (has("data", "filter", "reward", "sort", "view", "controls")) nas.table.draw();
      else if (has("selection")) nas.table.redraw();
    },
    matters: (has, reasons) => {
      if (has("data", "filter", "reward", "view", "controls")) nas.matters.draw();
      if (reasons.size > Number(has("selection"))) nas.population.draw();
    },
    progress: (has, reasons) => {
      if (reasons.size > Number(has("selection"))) nas.progress.draw();
    },
  };

  /** @param {View} name */
  const tabOf = (name) =>
    /** @type {HTMLElement} */ (document.querySelector(`[data-view="${name}"]`));

  function drawViews() {
    for (const name of VIEWS) {
      byId(`view-${name}`).hidden = name !== view();
      const tab = tabOf(name);
      tab.setAttribute("aria-selected", String(name === view()));
      tab.tabIndex = name === view() ? 0 : -1;
    }
  }

  /** Once for each new winner, not at every step of a slider. */
  function tellWinner() {
    const { winner } = nas.model;
    if (!winner || winner.key === said) return;
    said = winner.key;
    nas.dom.announce(`winner: candidate ${winner.number}`);
  }

  function measure() {
    if (isDrawn) return;
    isDrawn = true;
    requestAnimationFrame(() =>
      setTimeout(() => {
        performance.measure("nas:draw", { start: 0, end: performance.now() });
        nas.library.load();
      }),
    );
  }

  function listen() {
    for (const part of [nas.filters, nas.reward, nas.map, nas.table, nas.population, nas.progress])
      part.listen();
    for (const name of VIEWS) {
      tabOf(name).addEventListener("click", () => nas.show(name));
      tabOf(name).addEventListener("keydown", turn);
    }
    window.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && nas.state.selected.length) nas.candidate.close();
    });
    window.addEventListener("hashchange", () => {
      nas.address.decode(location.hash.slice(1));
      nas.schedule("data", "controls");
    });
    new ResizeObserver(() => nas.schedule("size")).observe(byId("pareto"));
    nas.colours.onTheme(() => {
      nas.schedule("data", "controls");
      nas.candidate.redraw();
    });
  }

  /** @type {{[key: string]: number}} */
  const TURNS = { ArrowRight: 1, ArrowLeft: -1 };

  /** The arrow keys between tabs. @param {KeyboardEvent} event */
  function turn(event) {
    const by = TURNS[event.key];
    if (!by) return;
    const next = VIEWS[(VIEWS.indexOf(view()) + by + VIEWS.length) % VIEWS.length];
    nas.show(next);
    tabOf(next).focus();
  }

  /** A run's answer while the page is open. @param {RunAnswer} answer */
  function onRun(answer) {
    const choices = nas.store.parameters().length;
    nas.store.merge(answer);
    adoptObjective();
    nas.schedule("data");
    if (nas.store.parameters().length !== choices) nas.schedule("controls");
  }

  /** A run that begins while the page is open may have another reward than the page began with. */
  function adoptObjective() {
    const objectives = nas.store.runs.map(({ verdict }) => verdict?.objective);
    const texts = objectives.map((one) => one && nas.objective.text(one));
    if (objectives[0] && new Set(texts).size === 1) nas.address.setOwn(objectives[0]);
  }

  async function start() {
    nas.address.decode(location.hash.slice(1));
    try {
      const data = await nas.source.open();
      nas.address.setOwn(data.objective);
      nas.store.benches.push(...data.benches);
      for (const run of data.runs) nas.store.merge(run);
    } catch (problem) {
      byId("problems").replaceChildren(
        nas.dom.element(
          "p.problem",
          { role: "alert" },
          `The data cannot be read: ${/** @type {Error} */ (problem).message}`,
        ),
      );
    }
    listen();
    nas.schedule("data", "controls");
    nas.library.loaded.then(() => {
      nas.schedule("axes");
      requestAnimationFrame(() => performance.measure("nas:ready", { start: 0 }));
    });
    nas.source.follow(onRun, (isAlive) => (byId("gone").hidden = isAlive));
  }

  start();
}
