/** Rows as store.js makes them, for the tests of the page's modules. */

/**
 * A complete candidate of one run.
 * @param {number} number @param {number} accuracy @param {number} step S/S0
 * @param {number} [parameters] as a share of the backbone's
 */
export function row(number, accuracy, step, parameters = 1, changes = {}) {
  return {
    run: { id: 0 },
    key: `0:${number}`,
    number,
    state: "complete",
    confirms: null,
    accuracy,
    normalized_step_time: step,
    reference_step_time_s: 0.1,
    logs: [accuracy, step, parameters].map(Math.log),
    reward: null,
    ...changes,
  };
}
