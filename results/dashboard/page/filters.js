"use strict";

/** The controls above the plot: axes, colour, size, and who is shown. */
{
  const { byId, element, option } = nas.dom;
  // State and cause have symbols.
  const NOT_COLOURS = ["state", "cause", "stages", "architecture_id", "unsteady"];
  const LIMITED = ["accuracy", "step", "step_ms", "parameters", "multiply_adds", "memory"];

  /** @type {[SelectId, Word, () => Pick<Column, "id" | "label" | "menu">[]][]} */
  const SELECTS = [
    ["axis-x", "x", () => nas.columns.axes()],
    ["axis-y", "y", () => nas.columns.axes()],
    ["colour", "colour", () => nas.columns.all().filter(({ id }) => !NOT_COLOURS.includes(id))],
    [
      "size",
      "size",
      () => [
        ...nas.columns
          .axes()
          .filter(({ id }) => ["parameters", "multiply_adds", "memory", "step"].includes(id)),
        { id: "equal", label: "all alike" },
      ],
    ],
  ];

  function listen() {
    for (const [id, name] of SELECTS) {
      byId(id).addEventListener("change", () => {
        nas.state[name] = byId(id).value;
        if (id.startsWith("axis")) nas.state.zoom = null;
        nas.schedule("axes");
      });
    }
    byId("is-log").addEventListener("change", () => {
      Object.assign(nas.state, { isLog: byId("is-log").checked, zoom: null });
      nas.schedule("axes");
    });
    byId("front-only").addEventListener("change", () =>
      set({ frontOnly: byId("front-only").checked }),
    );
    byId("search").addEventListener("input", () => set({ text: byId("search").value }));
    byId("clear").addEventListener("click", () => {
      nas.address.clearFilters();
      nas.schedule("filter", "controls");
    });
    closeOnLeave();
    byId("zoom-in").addEventListener("click", () => nas.plot.zoomBy(nas.plot.ZOOM_STEP));
    byId("zoom-out").addEventListener("click", () => nas.plot.zoomBy(1 / nas.plot.ZOOM_STEP));
    byId("zoom-all").addEventListener("click", () => nas.plot.zoomTo(null));
    byId("save-picture").addEventListener("click", nas.plot.save);
  }

  /** The filters' box closes at a press beside it and at Esc. */
  function closeOnLeave() {
    const box = /** @type {HTMLDetailsElement} */ (document.querySelector("details.pop"));
    window.addEventListener("pointerdown", ({ target }) => {
      if (!box.contains(/** @type {Node} */ (target))) box.open = false;
    });
    box.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !box.open) return;
      box.open = false;
      box.querySelector("summary").focus();
      event.stopPropagation();
    });
  }

  /** @param {Partial<ViewState>} change */
  function set(change) {
    Object.assign(nas.state, change);
    nas.schedule("filter");
  }

  /** Brings the controls in line with the state, as after a link was opened. */
  function draw() {
    for (const [id, name, columns] of SELECTS) {
      byId(id).replaceChildren(
        ...columns().map(({ id: value, label, menu }) =>
          option(value, menu ?? label, nas.state[name]),
        ),
      );
    }
    byId("is-log").checked = nas.state.isLog;
    byId("front-only").checked = nas.state.frontOnly;
    byId("search").value = nas.state.text;
    byId("states").replaceChildren(...nas.STATES.map(stateBox));
    byId("limits").replaceChildren(...LIMITED.map(limitLine));
  }

  /** @param {State} state */
  function stateBox(state) {
    const change = () => {
      nas.state.states[box.checked ? "add" : "delete"](state);
      nas.schedule("filter");
    };
    const box = element("input", {
      type: "checkbox",
      value: state,
      checked: nas.state.states.has(state),
      onchange: change,
    });
    return element(
      "label",
      {},
      box,
      state === "complete" ? "" : nas.legend.symbol(state),
      ` ${state}`,
    );
  }

  /** @param {string} id */
  function limitLine(id) {
    const column = nas.columns.find(id);
    const ends = nas.state.limits[id] ?? [null, null];
    /** @param {number} place @param {string} name */
    const field = (place, name) =>
      element("input", {
        type: "number",
        step: "any",
        value: ends[place],
        placeholder: name,
        "aria-label": `${column.label}, ${name}`,
        onchange: (event) => limit(id, place, event.target.value),
      });
    return element(
      "div.limit",
      {},
      element("span", {}, nas.columns.title(column)),
      field(0, "at least"),
      field(1, "at most"),
    );
  }

  /** @param {string} id @param {number} place @param {string} text */
  function limit(id, place, text) {
    /** @type {Limits} */
    const ends = [...(nas.state.limits[id] ?? [null, null])];
    ends[place] = text === "" ? null : Number(text);
    if (ends.every((end) => end === null)) delete nas.state.limits[id];
    else nas.state.limits[id] = ends;
    nas.schedule("filter");
  }

  /** How many of all pass. */
  function drawCount() {
    const { shown, rows } = nas.model;
    const { count } = nas.format;
    const isFiltered = shown.length < rows.length;
    byId("shown").textContent = isFiltered
      ? `${count(shown.length)} of ${count(rows.length)} shown`
      : `${count(rows.length)} candidates`;
    byId("clear").hidden = !isFiltered;
  }

  nas.filters = { listen, draw, drawCount };
}
