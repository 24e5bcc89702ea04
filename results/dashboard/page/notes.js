/** Notes and tags of a run and its candidates: for all to read, for who has the token to write. */

import { announce, byId, element } from "./dom.js";
import * as source from "./source.js";
import * as store from "./store.js";

/** @type {Note} */
const NONE = { text: "", tags: [] };

/** @param {Run} run @param {number | null} number of a candidate; null: of the run itself */
export function noteOf(run, number) {
  const { notes } = run;
  return (number === null ? notes?.run : notes?.candidates[number]) ?? NONE;
}

/**
 * A section with the note, to write in where that is allowed; null where there is nothing to show.
 * @param {Run} run @param {number | null} number @param {string} about whom it is
 */
export function section(run, number, about) {
  const note = noteOf(run, number);
  if (source.mayWrite()) return form(run, number, note, about);
  if (!note.text && !note.tags.length) return null;
  return element(
    "section.note",
    {},
    element("h3", {}, `Note on ${about}`),
    note.text && element("p.text", {}, note.text),
    chips(note.tags),
  );
}

/** @param {string[]} tags */
export const chips = (tags) =>
  tags.length > 0 && element("p.tags", {}, tags.map((tag) => element("span.tag", {}, tag)));

/** @param {Run} run @param {number | null} number @param {Note} note @param {string} about */
function form(run, number, note, about) {
  const text = element("textarea", { rows: 2, "aria-label": `note on ${about}` }, note.text);
  const tags = element("input", {
    type: "text",
    value: note.tags.join(", "),
    placeholder: "tags, with commas between",
    "aria-label": `tags of ${about}`,
  });
  const said = element("span", { role: "status" });
  const save = async (/** @type {Event} */ event) => {
    event.preventDefault();
    said.textContent = "saving ...";
    try {
      const saved = await source.saveNote(run, number, {
        text: text.value,
        tags: tags.value.split(","),
      });
      text.value = saved.text;
      tags.value = saved.tags.join(", ");
      said.textContent = "saved";
    } catch (problem) {
      said.textContent = `not saved: ${/** @type {Error} */ (problem).message}`;
      announce(said.textContent);
    }
  };
  text.addEventListener("input", () => (said.textContent = ""));
  tags.addEventListener("input", () => (said.textContent = ""));
  return element(
    "section.note",
    {},
    element("h3", {}, `Note on ${about}`),
    element("form", { onsubmit: save }, text, tags, element("button", {}, "Save"), said),
  );
}

/** The notes on the runs; not while someone writes there. */
export function draw() {
  const place = byId("notes");
  if (place.contains(document.activeElement)) return;
  const sections = store.runs
    .filter((run) => !run.problem)
    .map((run) => section(run, null, store.areSeveral() ? run.label : "this run"))
    .filter((one) => one !== null);
  place.replaceChildren(...sections);
}
