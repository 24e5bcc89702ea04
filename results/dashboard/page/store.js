/** The runs and their candidates, as the server or the report gives them. */

/** @type {Run[]} */
export const runs = [];
/** @type {Bench[]} */
export const benches = [];

/**
 * Takes a run's answer in, whole or what changed of it.
 * @param {RunAnswer} answer
 * @returns {boolean} whether its candidates changed
 */
export function merge(answer) {
  const known = runs.find((run) => run.id === answer.id);
  const candidates = answer.whole || !known ? new Map() : known.candidates;
  const run = known ?? /** @type {Run} */ ({ id: answer.id });
  const { columns, ...head } = answer;
  Object.assign(run, head, { candidates });
  run.label = name(answer);
  for (const row of rows(columns, run)) candidates.set(row.number, row);
  if (!known) runs.push(run);
  return answer.whole || columns.number.length > 0;
}

/** The last part of its path tells runs apart best. @param {RunAnswer} answer */
function name(answer) {
  return String(answer.path).replace(/\/+$/, "").split("/").at(-1) || String(answer.path);
}

/** A column is a list of values, or of codes that stand for texts. @param {Columns} columns @param {Run} run */
function rows({ choices, ...columns }, run) {
  /** @type {[string, any][]} */
  const all = Object.entries(columns);
  const plain = all.filter(([, column]) => Array.isArray(column));
  const coded = all.filter(([, column]) => !Array.isArray(column));
  const options = Object.entries(choices);
  return columns.number.map((number, place) => {
    /** @type {any} */
    const row = { run, key: `${run.id}:${number}` };
    for (const [name, values] of plain) row[name] = values[place];
    for (const [name, { values, codes }] of coded) row[name] = values[codes[place]] ?? null;
    row.choices = Object.fromEntries(options.map(([name, places]) => [name, places[place]]));
    return withLogarithms(row);
  });
}

/**
 * The logarithm of a product is linear in these; null for a row that has no reward.
 * @param {Row} row
 */
function withLogarithms(row) {
  const share = row.parameters / row.reference_parameters;
  /** @type {Logarithms} */
  const factors = [row.accuracy, row.normalized_step_time, share];
  const known = [...factors, row.reference_step_time_s];
  const isKnown = known.every((value) => Number.isFinite(value)) && row.accuracy !== null;
  const isPositive = row.normalized_step_time > 0 && share > 0;
  // One that trains another again is not ranked by itself.
  const valued = row.state === "complete" && row.confirms === null && isKnown && isPositive;
  row.logs = valued ? /** @type {Logarithms} */ (factors.map(Math.log)) : null;
  return row;
}

/** Whether it is a training of the space's backbone, not a candidate. @param {Row} row */
export const isBackbone = (row) => row.confirms === -1;

/** "candidate 17", or of a training of the backbone "backbone (no. 31)". @param {Row} row */
export const title = (row) =>
  isBackbone(row) ? `backbone (no. ${row.number})` : `candidate ${row.number}`;

/** Whether a candidate's number alone could be one of several. */
export const areSeveral = () => runs.filter((run) => !run.problem).length > 1;

const ACCURACY = { title: "accuracy", short: "acc." };
const SEVERAL = { title: "metric", short: "metric" };

/** What the candidates' accuracy is, by the runs' metric, as it stands in texts and in heads. */
export function metric() {
  const metrics = runs.filter((run) => !run.problem).map((run) => run.metric);
  const [first] = metrics;
  if (!first) return ACCURACY;
  return metrics.every(({ title }) => title === first.title) ? first : SEVERAL;
}

/** Every candidate of every run. */
export function all() {
  return runs.flatMap((run) => [...run.candidates.values()]);
}

/** @param {string | undefined} key */
export function find(key) {
  const [run, number] = String(key).split(":").map(Number);
  return runs.find((other) => other.id === run)?.candidates.get(number) ?? null;
}

/** The options of each choice, by the run's space. @type {WeakMap<Space, Map<string, Option[]>>} */
const optionsOf = new WeakMap();

/**
 * What a candidate chose, as text or number; null outside the space.
 * @param {Row} row @param {Choice} parameter
 */
export function chosen(row, { name }) {
  const place = row.choices[name];
  if (place == null) return null;
  const { space } = row.run;
  if (!optionsOf.has(space))
    optionsOf.set(space, new Map(space.parameters.map(({ name, options }) => [name, options])));
  return optionsOf.get(space).get(name)[place];
}

/** The place of what a candidate chose among the options of all runs. @param {Row} row @param {Choice} parameter */
export function placeOf(row, parameter) {
  const option = chosen(row, parameter);
  return option === null ? null : parameter.options.indexOf(option);
}

/** The parameters of all runs' spaces, each name once, in order, with the options of all. @returns {Choice[]} */
export function parameters() {
  /** @type {Map<string, Choice>} */
  const named = new Map();
  for (const run of runs) {
    for (const parameter of run.space?.parameters ?? []) {
      const known = named.get(parameter.name);
      named.set(parameter.name, known ? withOptions(known, parameter.options) : parameter);
    }
  }
  return [...named.values()];
}

/** A choice with another run's options too; numbers in their order. @param {Choice} choice @param {Option[]} others @returns {Choice} */
function withOptions(choice, others) {
  const more = others.filter((option) => !choice.options.includes(option));
  if (!more.length) return choice;
  const options = [...choice.options, ...more];
  const areNumbers = options.every((option) => typeof option === "number");
  return { ...choice, options: areNumbers ? options.sort((a, b) => Number(a) - Number(b)) : options };
}
