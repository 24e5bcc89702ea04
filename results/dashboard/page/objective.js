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

  const logReward = (row, { w, v }) => row.logs[0] + w * row.logs[1] + v * row.logs[2];

  /** Writes every row's reward, null without one. */
  function evaluate(rows, at) {
    for (const row of rows) row.reward = row.logs && Math.exp(logReward(row, at));
  }

  const before = (a, b) => b.reward - a.reward || a.run.id - b.run.id || a.number - b.number;

  /** The highest rewards first, of equal ones the lowest number. @param {number} top how many */
  function best(rows, top) {
    const ranking = [];
    for (const row of rows) {
      if (row.reward === null) continue;
      if (ranking.length === top && before(row, ranking.at(-1)) >= 0) continue;
      ranking.splice(place(ranking, row), 0, row);
      if (ranking.length > top) ranking.pop();
    }
    return ranking;
  }

  function place(ranking, row) {
    const found = ranking.findIndex((other) => before(row, other) < 0);
    return found < 0 ? ranking.length : found;
  }

  /**
   * From which to which value of one exponent, the other held, the winner stays first, exactly.
   * @param {1|2} axis of the logarithms: 1 for w, 2 for v
   * @returns {{low: number, high: number, below: ?Object, above: ?Object}} and who wins beyond
   */
  function stableRange(winner, rows, at, axis) {
    const exponent = axis === 1 ? at.w : at.v;
    const range = { low: -Infinity, high: Infinity, below: null, above: null };
    for (const row of rows) {
      if (!row.logs || row === winner) continue;
      const slope = winner.logs[axis] - row.logs[axis];
      const lead = logReward(winner, at) - logReward(row, at);
      const crossing = exponent - lead / slope;
      if (slope > 0 && crossing > range.low) Object.assign(range, { low: crossing, below: row });
      if (slope < 0 && crossing < range.high) Object.assign(range, { high: crossing, above: row });
    }
    return range;
  }

  /** The standard deviation of log S that its 95 % interval stands for; 0 without an interval. */
  function spread(row) {
    const { normalized_low: low, normalized_high: high } = row;
    return low > 0 && high > low ? Math.log(high / low) / (2 * Z) : 0;
  }

  /** Those that can win a draw at all. */
  function contenders(rows, at) {
    const give = (row) => REACH * Math.abs(at.w) * spread(row);
    const valued = rows.filter((row) => row.logs);
    const floor = valued.reduce(
      (most, row) => Math.max(most, logReward(row, at) - give(row)),
      -Infinity,
    );
    return valued
      .map((row) => [logReward(row, at) + give(row), row])
      .filter(([ceiling]) => ceiling >= floor)
      .sort((a, b) => b[0] - a[0])
      .slice(0, MOST_CONTENDERS)
      .map(([, row]) => row);
  }

  /**
   * How often each wins when every S is drawn anew, log-normally, from its interval.
   * The draws are the same each time, so that the page says the same twice.
   * @returns {Array<[Object, number]>} rows and shares of 2,000 draws, the most first
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
      .map((row, place) => [row, won[place] / DRAWS])
      .filter(([, share]) => share > 0)
      .sort((a, b) => b[1] - a[1]);
  }

  /** Standard normal draws (Box-Muller) over a small seeded generator (mulberry32). */
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

  /** Those that can win at some w and v of at most 0: none is as good in all of A, S and P. */
  function undominated(rows) {
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

  nas.objective = { DRAWS, logReward, evaluate, best, before, stableRange, wins, undominated };
}
