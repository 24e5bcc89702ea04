"use strict";

/** What the reader has set, and its form in the address, so that a link shows the same. */
{
  const STATES = ["complete", "failed", "infeasible", "stopped", "running", "duplicate"];
  const initial = () => ({
    view: "plot",
    x: "step",
    y: "accuracy",
    isLog: false,
    colour: "reward",
    size: "parameters",
    w: null,
    v: null,
    states: new Set(STATES),
    frontOnly: false,
    text: "",
    limits: {},
    hidden: new Set(),
    zoom: null,
    selected: [],
    sort: "reward",
    descending: true,
    over: "candidates",
    population: "accuracy",
    split: "run",
  });
  const DEFAULTS = initial();
  const WORDS = ["view", "x", "y", "colour", "size", "text", "sort", "over", "population", "split"];
  const FLAGS = ["isLog", "frontOnly", "descending"];
  const SETTLE_MS = 300; // browsers refuse an address that changes more often

  const state = initial();
  let objective = { w: -0.07, v: -0.05 };
  let writing = 0;

  /** w and v as they are, the run's own where not set. */
  const exponents = () => ({ w: state.w ?? objective.w, v: state.v ?? objective.v });

  function setObjective(w, v) {
    objective = { w, v };
  }

  const own = () => objective;

  /** The state without what is as at first. @returns {string} */
  function encode() {
    const query = new URLSearchParams();
    for (const name of WORDS) if (state[name] !== DEFAULTS[name]) query.set(name, state[name]);
    for (const name of FLAGS)
      if (state[name] !== DEFAULTS[name]) query.set(name, Number(state[name]));
    for (const name of ["w", "v"]) if (state[name] !== null) query.set(name, state[name]);
    if (state.states.size < STATES.length) query.set("states", [...state.states].join(" "));
    if (state.hidden.size) query.set("hidden", [...state.hidden].join(" "));
    if (state.selected.length) query.set("selected", state.selected.join(" "));
    if (state.zoom) query.set("zoom", [...state.zoom.x, ...state.zoom.y].map(shortened).join(" "));
    for (const [name, [low, high]] of Object.entries(state.limits)) {
      query.set(`limit.${name}`, `${low ?? ""}~${high ?? ""}`);
    }
    return query.toString();
  }

  const shortened = (value) => Number(value.toPrecision(6));

  /** Reads what {@link encode} wrote; anything else is left as at first. */
  function decode(text) {
    const query = new URLSearchParams(text);
    Object.assign(state, initial());
    for (const name of WORDS) if (query.has(name)) state[name] = query.get(name);
    for (const name of FLAGS) if (query.has(name)) state[name] = query.get(name) === "1";
    for (const name of ["w", "v"]) state[name] = number(query.get(name));
    if (query.has("states"))
      state.states = new Set(words(query, "states").filter((s) => STATES.includes(s)));
    state.hidden = new Set(words(query, "hidden").map(Number));
    state.selected = words(query, "selected")
      .filter((key) => /^\d+:\d+$/.test(key))
      .slice(0, 2);
    state.zoom = zoom(words(query, "zoom").map(Number));
    for (const [name, value] of query) {
      if (name.startsWith("limit.")) state.limits[name.slice(6)] = value.split("~").map(number);
    }
  }

  const words = (query, name) => (query.get(name) ?? "").split(" ").filter(Boolean);

  function number(text) {
    return text === null || text === "" || !Number.isFinite(Number(text)) ? null : Number(text);
  }

  function zoom(ends) {
    return ends.length === 4 && ends.every(Number.isFinite)
      ? { x: ends.slice(0, 2), y: ends.slice(2) }
      : null;
  }

  /** Puts the state in the address, a moment later. */
  function remember() {
    clearTimeout(writing);
    writing = setTimeout(() => history.replaceState(null, "", `#${encode()}`), SETTLE_MS);
  }

  /** Back to what an address without a state shows, but for what is looked at. */
  function clearFilters() {
    const { states, frontOnly, text, limits, hidden } = initial();
    Object.assign(state, { states, frontOnly, text, limits, hidden });
  }

  nas.STATES = STATES;
  nas.state = state;
  nas.address = { exponents, own, setObjective, encode, decode, remember, clearFilters };
}
