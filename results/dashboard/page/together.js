/** Whether runs may be ranked together: what their rewards rest on must be the same. */

/**
 * Why the rewards of runs do not compare, in a sentence; null where they do.
 * @param {Run[]} runs
 */
export function refusal(runs) {
  if (runs.length < 2) return null;
  const all = new Set(runs.flatMap(({ basis }) => Object.keys(basis)));
  const names = [...all].filter((name) => differ(runs, name));
  // The hash of the pixels is that at the run's image size.
  const isSameData = textsOf(runs, "data").length === 1 && names.includes("image size");
  const told = names.filter((name) => name !== "data" || !isSameData);
  if (!told.length) return null;
  const several = told.map((name) => `${name} (${words(runs, name)})`);
  return (
    "Rewards of these runs do not compare, so there is no common ranking. " +
    `They differ in ${several.join(", ")}. Hide runs in the head of the page to rank the others.`
  );
}

/** Whether runs that have an entry have different ones. @param {Run[]} runs @param {string} name */
const differ = (runs, name) => new Set(entries(runs, name).map(({ key }) => key)).size > 1;

/** @param {Run[]} runs @param {string} name */
const entries = (runs, name) => runs.map(({ basis }) => basis[name]).filter(Boolean);

/** @param {Run[]} runs @param {string} name */
const textsOf = (runs, name) => [...new Set(entries(runs, name).map(({ text }) => text))];

/** @param {Run[]} runs @param {string} name */
function words(runs, name) {
  const texts = textsOf(runs, name);
  return texts.length > 1 ? texts.join(", ") : `all named ${texts[0]}, with other content`;
}
