"use strict";

/** The sliders for w and v, the winner, how sure it is, and the ranking. */
{
  const { byId, element, bar } = nas.dom;
  const { exponent, fixed, count } = nas.format;
  const LOWEST = -0.3; // the sliders' end; the other is 0
  const SHOWN_WINS = 4;
  /** @type {("w" | "v")[]} */
  const EXPONENTS = ["w", "v"];

  function listen() {
    for (const name of EXPONENTS) {
      byId(name).addEventListener("input", (event) => slid(name, event));
    }
    byId("own-exponents").addEventListener("click", () => set(null, null));
  }

  /** @type {number | null} */
  let slidAt = null;

  /** @param {"w" | "v"} name @param {Event} event */
  function slid(name, event) {
    nas.state[name] = Number(byId(name).value);
    slidAt ??= event.timeStamp;
    nas.schedule("reward");
  }

  /** @param {number | null} w @param {number | null} v */
  function set(w, v) {
    Object.assign(nas.state, { w, v });
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
    const at = nas.address.exponents();
    const [winner] = nas.model.ranking;
    for (const name of EXPONENTS) drawSlider(name, at[name], winner, at);
    const own = nas.address.own();
    byId("own-exponents").hidden = at.w === own.w && at.v === own.v;
    drawWinner(winner, at);
    drawRanking();
    nas.map.draw(winner, at);
    answered();
  }

  /**
   * @param {"w" | "v"} name @param {number} value @param {Row | undefined} winner
   * @param {Exponents} at
   */
  function drawSlider(name, value, winner, at) {
    const slider = byId(name);
    if (Number(slider.value) !== value) slider.value = String(value);
    byId(`${name}-value`).textContent = exponent(value);
    const band = byId(`${name}-band`);
    band.hidden = !winner;
    if (!winner) return;
    const { low, high } = nas.objective.stableRange(winner, nas.model.shown, at, name);
    /** @param {number} end */
    const share = (end) => Math.min(1, Math.max(0, (end - LOWEST) / -LOWEST));
    band.style.left = `${100 * share(low)}%`;
    band.style.width = `${100 * (share(high) - share(low))}%`;
  }

  /** @param {Row | undefined} winner @param {Exponents} at */
  function drawWinner(winner, at) {
    const place = byId("winner");
    if (!winner) {
      const reason = nas.model.rows.length
        ? "No candidate with a reward is shown."
        : "No candidate yet.";
      return place.replaceChildren(element("p.muted", {}, reason));
    }
    const run = nas.store.areSeveral() ? ` of ${winner.run.label}` : "";
    place.replaceChildren(
      element("h2", {}, "Winner: ", nas.candidate.link(winner, `candidate ${winner.number}`), run),
      figures(winner),
      ...stability(winner, at),
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
          element("dd", {}, column.format(column.value(row))),
        );
      }),
    );
  }

  /** @param {Row} winner @param {Exponents} at */
  function stability(winner, at) {
    const ranges = EXPONENTS.map((name) => {
      const range = nas.objective.stableRange(winner, nas.model.shown, at, name);
      return element("li", {}, rangeText(name, range));
    });
    return [element("ul.stability", {}, ...ranges), winsTable(winner, at)];
  }

  /** In words, to the end of the sliders. @param {string} name @param {StableRange} range */
  function rangeText(name, { low, high, below, above }) {
    const isOpen = [low < LOWEST, high > 0];
    if (isOpen[0] && isOpen[1]) return `first at every ${name} from ${exponent(LOWEST)} to 0`;
    const ends = [Math.max(low, LOWEST), Math.min(high, 0)].map(exponent);
    const beyond = [!isOpen[0] && `below, ${below.number}`, !isOpen[1] && `above, ${above.number}`];
    return `first for ${name} from ${ends[0]} to ${ends[1]}; ${beyond.filter(Boolean).join("; ")}`;
  }

  /** @param {Row} winner @param {Exponents} at */
  function winsTable(winner, at) {
    const wins = nas.objective.wins(nas.model.shown, at);
    const first = wins.find(([row]) => row === winner)?.[1] ?? 0;
    const rows = wins
      .slice(0, SHOWN_WINS)
      .map(([row, share]) =>
        element(
          "li",
          {},
          element(
            "span",
            {},
            nas.store.areSeveral() && nas.runs.dot(row.run),
            nas.candidate.link(row, String(row.number)),
          ),
          bar(share, percent(share)),
          element("span.number", {}, percent(share)),
        ),
      );
    return element(
      "div.wins",
      {},
      element(
        "p",
        {},
        `wins ${percent(first)} of ${count(nas.objective.DRAWS)} draws of the step times from their intervals`,
      ),
      wins.length > 1 && element("ol", {}, rows),
    );
  }

  /** @param {number} share */
  const percent = (share) => (share > 0 && share < 0.005 ? "<1 %" : `${Math.round(100 * share)} %`);

  function drawRanking() {
    const head = ["", "candidate", "reward", "acc. %", "S/S0", "params"];
    /** @param {Row} row */
    const cells = (row) => [
      fixed(4)(row.reward),
      fixed(2)(100 * row.accuracy),
      fixed(3)(row.normalized_step_time),
      nas.format.short(row.parameters),
    ];
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
            cells(row).map((text) => element("td.number", {}, text)),
          ),
        ),
      ),
    );
  }

  nas.reward = { listen, draw, set, LOWEST };
}
