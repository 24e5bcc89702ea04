/**
 * The reward in each of its forms, and in which range of one of its numbers the winner stays first.
 *
 * Rows are compared by a score that orders them as the reward does: the reward of the form
 * absolute, that of the user's own function, which Python computes, and its logarithm for the
 * others. Along each number, a score consists of straight
 * lines that meet where T is the row's own step time.
 */

/** The forms' names in an address. @type {{[form in Form]: string}} */
const NAMES = { product: "product", power: "hard", absolute: "absolute", own: "own" };

/** As `--reward` and an address have it. @param {Objective} objective */
export function text({ form, numbers, is_in_seconds: isInSeconds, name: own }) {
  if (form === "own") return String(own);
  const parts = Object.entries(numbers).map(
    ([name, value]) => `${name}=${value}${name === "T" && isInSeconds ? "s" : ""}`,
  );
  return `${NAMES[form]}:${parts.join(",")}`;
}

/** The step time in the unit of T. @param {Row} row @param {Objective} at */
const cost = (row, at) =>
  at.is_in_seconds
    ? row.normalized_step_time * row.reference_step_time_s
    : row.normalized_step_time;

/** @type {{[form in Form]: (row: Row, at: Objective) => number}} */
const SCORES = {
  product: ({ logs }, { numbers: { w, v } }) => logs[0] + w * logs[1] + v * logs[2],
  power: (row, at) => {
    const { T, alpha, beta } = at.numbers;
    const ratio = cost(row, at) / T;
    return row.logs[0] + (ratio <= 1 ? alpha : beta) * Math.log(ratio);
  },
  absolute: (row, at) =>
    row.accuracy + at.numbers.beta * Math.abs(cost(row, at) / at.numbers.T - 1),
  own: (row) => row.own_reward ?? -Infinity,
};

/** Of a row that has a reward. @param {Row} row @param {Objective} at */
export const score = (row, at) => SCORES[at.form](row, at);

/** Writes every row's reward, null without one. @param {Row[]} rows @param {Objective} at */
export function evaluate(rows, at) {
  for (const row of rows) {
    const value = row.logs && score(row, at);
    const isItself = at.form === "absolute" || at.form === "own";
    row.reward = value === null || isItself ? value : Math.exp(value);
  }
}

/** @param {Row} a @param {Row} b */
const before = (a, b) => b.reward - a.reward || a.run.id - b.run.id || a.number - b.number;

/** The highest rewards first, of equal ones the lowest number. @param {Row[]} rows @param {number} top */
export function best(rows, top) {
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
 * T is followed on the axis on which scores are straight: log T for the form power, 1 / T for the
 * form absolute.
 * @type {{[form in Form]: {to: (T: number) => number, from: (x: number) => number}}}
 */
const AXES_OF_T = {
  product: { to: Number, from: Number },
  power: { to: Math.log, from: Math.exp },
  absolute: { to: (T) => 1 / T, from: (x) => 1 / x },
  own: { to: Number, from: Number },
};
const PLAIN = AXES_OF_T.product;

/**
 * From which to which value of one number, the others held, the first one stays first: exactly,
 * and not beyond the ends of its slider.
 * @param {Row} first @param {Row[]} rows @param {Objective} at
 * @param {NumberName} name @param {Ends} ends of the slider
 * @returns {StableRange} and who is first beyond
 */
export function stableRange(first, rows, at, name, ends) {
  const axis = name === "T" ? AXES_OF_T[at.form] : PLAIN;
  const moved = { ...at, numbers: { ...at.numbers } };
  /** @type {StableRange} */
  const range = { low: ends[0], high: ends[1], below: null, above: null };
  /** @param {Row} row @param {number} end */
  const limit = (row, end) => {
    /** @param {number} value */
    const lead = (value) => {
      moved.numbers[name] = value;
      return score(first, moved) - score(row, moved);
    };
    const bends = name === "T" ? [cost(first, at), cost(row, at)] : [];
    return crossing(lead, axis, at.numbers[name], end, bends);
  };
  for (const row of rows) {
    if (!row.logs || row === first) continue;
    const low = limit(row, range.low);
    if (low !== null) Object.assign(range, { low, below: row });
    const high = limit(row, range.high);
    if (high !== null) Object.assign(range, { high, above: row });
  }
  return range;
}

/**
 * Where a lead, straight between bends, falls below 0 on the way to an end; null if nowhere.
 * @param {(value: number) => number} lead @param {typeof PLAIN} axis
 * @param {number} start @param {number} end @param {number[]} bends
 */
function crossing(lead, axis, start, end, bends) {
  const way = Math.sign(end - start);
  const stops = bends.filter((bend) => way * (bend - start) > 0 && way * (end - bend) > 0);
  stops.sort((a, b) => way * (a - b));
  let [from, ahead] = [start, lead(start)];
  for (const to of [...stops, end]) {
    const left = lead(to);
    if (left < 0) {
      const share = ahead / (ahead - left);
      return axis.from(axis.to(from) + share * (axis.to(to) - axis.to(from)));
    }
    [from, ahead] = [to, left];
  }
  return null;
}

/**
 * Those that can win at some w and v of at most 0: none is as good in all of A, S and P.
 * @param {Row[]} rows
 */
export function undominated(rows) {
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
