"use strict";

/**
 * The reward A (S/S0)^w (P/P0)^v, and how sure its winner is. In logarithms it is linear, so each
 * question about w and v is one about straight lines.
 * `logs` of a row are those of A, S/S0 and P/P0.
 */
{
  const DRAWS = 2000;
  const MOST_CONTENDERS = 200;
  const REACH = 4.5; // standard deviations that a draw of 2,000 candidates' worth may go
  const Z = 1.959964; // half a 95 % interval, in standard deviations

  /** @param {Row} row @param {Exponents} at */
  const logReward = (row, { w, v }) => row.logs[0] + w * row.logs[1] + v * row.logs[2];

  /** Writes every row's reward, null without one. @param {Row[]} rows @param {Exponents} at */
  function evaluate(rows, at) {
    for (const row of rows) row.reward = row.logs && Math.exp(logReward(row, at));
  }

  /** @param {Row} a @param {Row} b */
  const before = (a, b) => b.reward - a.reward || a.run.id - b.run.id || a.number - b.number;

  /** The highest rewards first, of equal ones the lowest number. @param {Row[]} rows @param {number} top */
  function best(rows, top) {
    /** @type {Row[]} */
    const ranking = [];
    for (const row of rows) {
      if (row.reward === null) continue;
      if (ranking.length === top && before(row, ranking.at(-1)) >= 0) continue;
      ranking.splice(place(ranking, row), 0, row);
      if (ranking.length > top) ranking.pop();
    }
    return ranking;
  }

  /** @param {Row[]} ranking @param {Row} row */
  function place(ranking, row) {
    const found = ranking.findIndex((other) => before(row, other) < 0);
    return found < 0 ? ranking.length : found;
  }

  /**
   * From which to which value of one exponent, the other held, the winner stays first, exactly.
   * @param {Row} winner @param {Row[]} rows @param {Exponents} at
   * @param {"w" | "v"} name of the exponent
   * @returns {StableRange} and who wins beyond
   */
  function stableRange(winner, rows, at, name) {
    const axis = name === "w" ? 1 : 2; // of the logarithms
    /** @type {StableRange} */
    const range = { low: -Infinity, high: Infinity, below: null, above: null };
    for (const row of rows) {
      if (!row.logs || row === winner) continue;
      const slope = winner.logs[axis] - row.logs[axis];
      const lead = logReward(winner, at) - logReward(row, at);
      const crossing = at[name] - lead / slope;
      if (slope > 0 && crossing > range.low) Object.assign(range, { low: crossing, below: row });
      if (slope < 0 && crossing < range.high) Object.assign(range, { high: crossing, above: row });
    }
    return range;
  }

  /**
   * The standard deviation of log S that its 95 % interval stands for; 0 without an interval.
   * @param {Row} row
   */
  function spread(row) {
    const { normalized_low: low, normalized_high: high } = row;
    return low > 0 && high > low ? Math.log(high / low) / (2 * Z) : 0;
  }

  /** Those that can win a draw at all. @param {Row[]} rows @param {Exponents} at */
  function contenders(rows, at) {
    const give = (/** @type {Row} */ row) => REACH * Math.abs(at.w) * spread(row);
    const valued = rows.filter((row) => row.logs);
    const floor = valued.reduce(
      (most, row) => Math.max(most, logReward(row, at) - give(row)),
      -Infinity,
    );
    return valued
      .map((row) => ({ row, ceiling: logReward(row, at) + give(row) }))
      .filter(({ ceiling }) => ceiling >= floor)
      .sort((a, b) => b.ceiling - a.ceiling)
      .slice(0, MOST_CONTENDERS)
      .map(({ row }) => row);
  }

  /**
   * How often each wins when every S is drawn anew, log-normally, from its interval.
   * The draws are the same each time, so that the page says the same twice.
   * @param {Row[]} rows @param {Exponents} at
   * @returns {[Row, number][]} rows and shares of 2,000 draws, the most first
   */
  function wins(rows, at) {
    const field = contenders(rows, at);
    const normal = normals(1);
    const centres = field.map((row) => logReward(row, at));
    const spreads = field.map((row) => at.w * spread(row));
    const won = new Uint32Array(field.length);
    for (let draw = 0; field.length && draw < DRAWS; draw++) {
      let first = 0;
      let most = -Infinity;
      for (let place = 0; place < field.length; place++) {
        const value =
          spreads[place] === 0 ? centres[place] : centres[place] + spreads[place] * normal();
        if (value > most) [first, most] = [place, value];
      }
      won[first]++;
    }
    return field
      .map((row, place) => /** @type {[Row, number]} */ ([row, won[place] / DRAWS]))
      .filter(([, share]) => share > 0)
      .sort((a, b) => b[1] - a[1]);
  }

  /**
   * Standard normal draws (Box-Muller) over a small seeded generator (mulberry32).
   * @param {number} seed
   */
  function normals(seed) {
    let state = seed;
    const uniform = () => {
      state = (state + 0x6d2b79f5) | 0;
      let bits = Math.imul(state ^ (state >>> 15), 1 | state);
      bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
      return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
    };
    return () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
  }

  /**
   * Those that can win at some w and v of at most 0: none is as good in all of A, S and P.
   * @param {Row[]} rows
   */
  function undominated(rows) {
    /** @type {Row[]} */
    const kept = [];
    const ordered = rows
      .filter((row) => row.logs)
      .sort((a, b) => b.logs[0] - a.logs[0] || a.logs[1] - b.logs[1] || a.logs[2] - b.logs[2]);
    for (const row of ordered) {
      if (!kept.some((other) => other.logs[1] <= row.logs[1] && other.logs[2] <= row.logs[2]))
        kept.push(row);
    }
    return kept;
  }

  nas.objective = { DRAWS, logReward, evaluate, best, stableRange, wins, undominated };
}
