"use strict";

/** The sliders for the reward's numbers, the winner, how sure it is, and the ranking. */
{
  const { byId, element } = nas.dom;
  const { exponent, fixed, short } = nas.format;
  const STEP = 0.005; // of an exponent's slider
  const LOWEST = -0.3; // its lower end; the other is 0
  const STEEPEST = -2; // its lower end where the run's own is below the other one
  const TARGETS = [0.2, 3]; // the ends of T's slider, in units of S0

  /** @type {{[name in NumberName]: string}} */
  const MEANINGS = {
    w: "step time",
    v: "parameters",
    T: "target",
    alpha: "up to T",
    beta: "above T",
  };

  /** @type {{[form in Form]: () => (Node | string)[]}} */
  const FORMULAS = {
    product: () => ["A · (S/S0)", element("sup", {}, "w"), " · (P/P0)", element("sup", {}, "v")],
    power: () => ["A · (S/T)", element("sup", {}, "alpha"), ", beta above T"],
    absolute: () => ["A + beta · |S/T − 1|"],
    own: () => [`${nas.address.own().name}(A, S/S0, P/P0)`],
  };

  function listen() {
    byId("own-numbers").addEventListener("click", () => {
      nas.address.resetObjective();
      nas.schedule("reward");
    });
  }

  /** @type {number | null} */
  let slidAt = null;

  /** @param {NumberName} name @param {Event} event */
  function slid(name, event) {
    const slider = /** @type {HTMLInputElement} */ (event.target);
    nas.state[name] = Number(slider.value);
    slidAt ??= event.timeStamp;
    nas.schedule("reward");
  }

  /** After an answer to a slider is on the screen: how long it took, for the benchmark. */
  function answered() {
    if (slidAt === null) return;
    const start = slidAt;
    slidAt = null;
    requestAnimationFrame(() =>
      setTimeout(() => {
        performance.measure("nas:slider", { start, end: performance.now() });
        const { dataset } = document.documentElement;
        dataset.answered = String(Number(dataset.answered ?? 0) + 1);
      }),
    );
  }

  function draw() {
    const at = nas.address.objective();
    const { winner } = nas.model;
    const ranges = new Map(nas.address.numberNames().map((name) => [name, range(name, at)]));
    drawForm(at.form);
    for (const [name, stable] of ranges) drawSlider(name, at.numbers[name], stable);
    const { text } = nas.objective;
    byId("own-numbers").hidden = text(at) === text(nas.address.own());
    drawWinner(winner, ranges);
    drawRanking();
    nas.map.draw(winner, at);
    answered();
  }

  let form = "";

  /** The formula, and a slider for each of its numbers. @param {Form} next */
  function drawForm(next) {
    if (next === form) return;
    form = next;
    byId("formula").replaceChildren(...FORMULAS[next]());
    byId("sliders").replaceChildren(...nas.address.numberNames().map(slider));
  }

  /** @param {NumberName} name */
  function slider(name) {
    const unit = name === "T" ? (nas.address.own().is_in_seconds ? " (ms)" : " (S0)") : "";
    const isBoth = name === "beta" && form === "absolute";
    return element(
      "div.slider",
      {},
      element(
        "label",
        { for: name },
        `${name} `,
        element("span.muted", {}, isBoth ? "slope" : MEANINGS[name] + unit),
      ),
      element(
        "span.track",
        {},
        element("span.band", { id: `${name}-band`, hidden: true }),
        element("input", {
          id: name,
          type: "range",
          oninput: (event) => slid(name, event),
        }),
      ),
      element("output", { id: `${name}-value`, for: name }),
    );
  }

  /**
   * A slider's ends and step. The run's own number and the one that is set are always within.
   * @param {NumberName} name @returns {{ends: Ends, step: number}}
   */
  function scale(name) {
    const own = nas.address.own();
    const values = [own.numbers[name], nas.address.objective().numbers[name]];
    if (name !== "T") {
      const low = own.numbers[name] < LOWEST ? STEEPEST : LOWEST;
      return { ends: [Math.min(low, ...values), 0], step: STEP };
    }
    const unit = own.is_in_seconds ? referenceStepTime() : 1;
    const step = 10 ** Math.floor(Math.log10(unit / 50));
    const [low, high] = TARGETS.map((target) => tidy(Math.round((target * unit) / step) * step));
    return { ends: [Math.min(low, ...values), Math.max(high, ...values)], step };
  }

  /** S0 of the first run where it is known. */
  function referenceStepTime() {
    const run = nas.store.runs.find(({ reference }) => reference?.step_time_s > 0);
    return run?.reference.step_time_s ?? nas.address.own().numbers.T;
  }

  /** @param {number} value */
  const tidy = (value) => Number(value.toPrecision(12));

  /**
   * Where the first one stays first; null where the winner was not chosen by these rewards.
   * @param {NumberName} name @param {Objective} at
   */
  function range(name, at) {
    const { winner, ranking, ranked } = nas.model;
    if (!winner || winner !== ranking[0]) return null;
    return nas.objective.stableRange(winner, ranked, at, name, scale(name).ends);
  }

  /** @param {NumberName} name @param {number} value @param {StableRange | null} stable */
  function drawSlider(name, value, stable) {
    const input = byId(name);
    const { ends, step } = scale(name);
    Object.assign(input, { min: String(ends[0]), max: String(ends[1]), step: String(step) });
    if (Number(input.value) !== value) input.value = String(value);
    byId(`${name}-value`).textContent = written(name, value);
    const band = byId(`${name}-band`);
    band.hidden = !stable;
    if (!stable) return;
    const width = ends[1] - ends[0];
    band.style.left = `${(100 * (stable.low - ends[0])) / width}%`;
    band.style.width = `${(100 * (stable.high - stable.low)) / width}%`;
  }

  /** @param {NumberName} name @param {number} value */
  function written(name, value) {
    if (name !== "T") return exponent(value);
    return nas.address.own().is_in_seconds ? fixed(1)(1000 * value) : fixed(2)(value);
  }

  /** @param {Row | null} winner @param {Map<NumberName, StableRange | null>} ranges */
  function drawWinner(winner, ranges) {
    const place = byId("winner");
    if (!winner) {
      const reason = nas.model.ranked.length ? "No candidate has a reward." : "No candidate yet.";
      return place.replaceChildren(element("p.muted", {}, reason));
    }
    const run = nas.store.areSeveral() ? ` of ${winner.run.label}` : "";
    place.replaceChildren(
      element("h2", {}, "Winner: ", nas.candidate.link(winner, `candidate ${winner.number}`), run),
      figures(winner),
      element("ul.stability", {}, stability(winner, ranges)),
      nas.verdict.chances(winner),
    );
  }

  /** @param {Row} row */
  function figures(row) {
    const shown = ["reward", "accuracy", "step_ms", "step", "parameters", "multiply_adds"];
    return element(
      "dl.figures",
      {},
      shown.map((id) => {
        const column = nas.columns.find(id);
        return element(
          "div",
          {},
          element("dt", {}, nas.columns.title(column)),
          element(
            "dd",
            { title: nas.columns.doubt(column, row) },
            nas.columns.written(column, row),
          ),
        );
      }),
    );
  }

  /** @param {Row} winner @param {Map<NumberName, StableRange | null>} ranges */
  function stability(winner, ranges) {
    const [first] = nas.model.ranking;
    if (winner === first)
      return [...ranges].map(([name, stable]) => element("li", {}, sentence(name, stable)));
    const isConfirmed = [...winner.run.candidates.values()].some(
      (row) => row.confirms === winner.number && row.fidelity === null,
    );
    if (!isConfirmed || !first) return [];
    const ahead = `By first trainings alone, no.\u00a0${first.number} is ahead.`;
    return [element("li", {}, `Chosen by the mean of its trainings. ${ahead}`)];
  }

  /** @param {NumberName} name @param {StableRange} stable */
  function sentence(name, { low, high, below, above }) {
    const [from, to] = [low, high].map((end) => written(name, end));
    const unit = name !== "T" ? "" : nas.address.own().is_in_seconds ? " ms" : " S0";
    if (!below && !above) return `Wins at every ${name} from ${from} to ${to}${unit}.`;
    const beyond = [
      below && `; below that, no.\u00a0${below.number}`,
      above && `; above that, no.\u00a0${above.number}`,
    ];
    const others = beyond.filter(Boolean).join("");
    return `Wins while ${name} is between ${from} and ${to}${unit}${others}.`;
  }

  function drawRanking() {
    const head = ["", "candidate", "reward", `${nas.store.metric().short} %`, "S/S0", "params"];
    const shown = ["reward", "accuracy", "step", "parameters"].map(nas.columns.find);
    /** @param {Column} column @param {Row} row */
    const cell = (column, row) =>
      element(
        "td.number",
        { title: nas.columns.doubt(column, row) },
        column.id === "parameters" ? short(row.parameters) : nas.columns.written(column, row),
      );
    byId("ranking").replaceChildren(
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
        nas.model.ranking.map((row, place) =>
          element(
            "tr",
            {},
            element("td.number", {}, place + 1),
            element(
              "td",
              {},
              nas.store.areSeveral() && nas.runs.dot(row.run),
              nas.candidate.link(row, String(row.number)),
              nas.model.onFront.has(row) &&
                element("span.on-front", { title: "on the Pareto front" }, "front"),
            ),
            shown.map((column) => cell(column, row)),
          ),
        ),
      ),
    );
  }

  /** The ends of a number's slider. @param {NumberName} name */
  const ends = (name) => scale(name).ends;

  nas.reward = { listen, draw, ends };
}
