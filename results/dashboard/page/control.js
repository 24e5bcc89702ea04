/** What a reader with the right to it asks of a running search: to stop, or a network to be next. */

import { announce, byId, element } from "./dom.js";
import { shownRuns } from "./model.js";
import * as source from "./source.js";
import * as store from "./store.js";

let drawn = "";
/** The runs whose button to stop was pressed once. @type {Set<number>} */
const armed = new Set();

/** What each run waits for, and the button that stops one that is searching. @param {Run[]} runs */
export function draw(runs) {
  const shown = source.isReport() ? [] : runs.filter((run) => mayStop(run) || isAsked(run));
  const key = JSON.stringify(
    shown.map((run) => [run.id, run.is_searching, run.requests, armed.has(run.id)]),
  );
  if (key === drawn) return;
  drawn = key;
  byId("control").replaceChildren(...shown.map(ofRun));
}

/** @param {Run} run */
const mayStop = ({ is_searching }) => is_searching !== false && source.mayControl();

/** @param {Run} run */
const isAsked = ({ requests }) => requests.stop || requests.next.length > 0;

/** @param {Run} run */
function ofRun(run) {
  const { requests, is_searching } = run;
  const title = is_searching === false ? "To be evaluated once it goes on" : "To be evaluated next";
  return element(
    "section.control",
    { "data-run": run.id },
    store.areSeveral() && element("h3", {}, run.label),
    requests.stop
      ? element("p", {}, "Asked to stop.")
      : mayStop(run) && stopButton(run),
    requests.next.length > 0 && element("h3", {}, title),
    requests.next.length > 0 && element("ol.waiting", {}, requests.next.map((one) => waiting(run, one))),
  );
}

/** The search is stopped by two presses. @param {Run} run */
function stopButton(run) {
  const isArmed = armed.has(run.id);
  const command = run.comparison ? "proxy" : "search";
  const said = element("span", { role: "status" });
  const press = () => {
    if (!isArmed) return arm(run, true);
    armed.delete(run.id);
    return tell(said, () => source.stop(run), "asked to stop");
  };
  const text = isArmed ? "Stop it now" : "Stop the search";
  return element(
    "p.bar-of-buttons",
    {},
    element("button", { type: "button", onclick: press }, text),
    isArmed && element("button", { type: "button", onclick: () => arm(run, false) }, "Go on"),
    isArmed &&
      element("span.muted", {}, `What runs is cut off; nas ${command} --resume begins it again.`),
    said,
  );
}

/** @param {Run} run @param {boolean} on */
function arm(run, on) {
  armed[on ? "add" : "delete"](run.id);
  draw(shownRuns());
  /** @type {HTMLElement | null} */ (
    byId("control").querySelector(`[data-run="${run.id}"] button`)
  )?.focus();
}

/** @param {Run} run @param {Wanted} wanted */
function waiting(run, { name, stages }) {
  const said = element("span", { role: "status" });
  const press = () => tell(said, () => source.withdraw(run, name), "withdrawn");
  return element(
    "li",
    {},
    `${stages ?? "no network of this space"} `,
    source.mayControl() &&
      element("button", { type: "button", onclick: press, "aria-label": `withdraw ${stages}` }, "withdraw"),
    said,
  );
}

/**
 * A form for a network that differs from a candidate in some choices; null where none may be asked.
 * @param {Row} row
 */
export function variant(row) {
  const { run } = row;
  const isOpen = source.mayControl() && run.is_searching !== false && !run.comparison;
  const parameters = run.space?.parameters ?? [];
  if (!isOpen || !parameters.length || run.settings?.fit) return null;
  const fields = new Map(parameters.map((parameter) => [parameter, select(row, parameter)]));
  const said = element("p", { role: "status" });
  const send = (/** @type {Event} */ event) => {
    event.preventDefault();
    const choices = [...fields].map(([{ name, options }, field]) => [name, options[field.selectedIndex]]);
    return tell(said, () => source.evaluateNext(run, Object.fromEntries(choices)), "it will be next");
  };
  return element(
    "details.variant",
    {},
    element("summary", {}, "Evaluate a variant next"),
    element(
      "form",
      { onsubmit: send },
      element("div.scroll", { tabindex: 0, role: "group", "aria-label": "choices" }, grid(fields)),
      element("button", {}, "Evaluate next"),
      said,
    ),
  );
}

/** One stage a line, one kind of choice a column. @param {Map<Choice, HTMLSelectElement>} fields */
function grid(fields) {
  const kinds = [...new Set([...fields.keys()].map(({ choice }) => choice))];
  const stages = [...new Set([...fields.keys()].map(({ stage }) => stage))];
  /** @param {number} stage @param {string} kind */
  const field = (stage, kind) =>
    [...fields].find(([own]) => own.stage === stage && own.choice === kind)?.[1];
  return element(
    "table",
    {},
    element(
      "thead",
      {},
      element("tr", {}, ["stage", ...kinds].map((text) => element("th", { scope: "col" }, text))),
    ),
    element(
      "tbody",
      {},
      stages.map((stage) =>
        element(
          "tr",
          {},
          element("th", { scope: "row" }, String(stage)),
          kinds.map((kind) => element("td", {}, field(stage, kind))),
        ),
      ),
    ),
  );
}

/** The options of a choice, beginning with the candidate's own. @param {Row} row @param {Choice} parameter */
function select(row, parameter) {
  const own = row.choices?.[parameter.name] ?? 0;
  return element(
    "select",
    { "aria-label": parameter.name.replace(".", " ") },
    parameter.options.map((option, place) =>
      element("option", { value: place, selected: place === own }, String(option)),
    ),
  );
}

/**
 * Sends a request, and says what became of it.
 * @param {HTMLElement} place @param {() => Promise<unknown>} send @param {string} done
 */
async function tell(place, send, done) {
  place.textContent = "asking ...";
  try {
    await send();
    place.textContent = done;
  } catch (problem) {
    place.textContent = `not done: ${/** @type {Error} */ (problem).message}`;
  }
  announce(place.textContent);
}
