/** Where a candidate came from, and what to do with it. */

import { copy, element, save } from "./dom.js";
import { count, duration, moment } from "./format.js";

/** @param {Network} network */
export function section({ label, row, detail }) {
  const timed = detail.step_time;
  const facts = [
    ["run", row.run.path],
    ["seed", String(detail.seed)],
    ["architecture", detail.architecture.architecture_id],
    ["device", timed?.device],
    ["timed at", timed && `${timed.image_size} px, batch ${timed.batch_size}${micro(timed)}`],
    [
      "timing",
      timed &&
        (timed.unsteady ??
          (timed.is_precise ? "steady, to the precision asked for" : "ended by its time limit")),
    ],
    ["worker", detail.worker],
    ["started", detail.started_at && moment(detail.started_at)],
    ["finished", detail.finished_at && moment(detail.finished_at)],
    ["phases", listed(detail.phases_s, duration)],
    ["proposal", listed(detail.proposal, String)],
    ["versions", listed(detail.versions, String)],
    ["backbone's parameters", detail.reference_parameters && count(detail.reference_parameters)],
  ];
  return element(
    "section.provenance",
    {},
    element("h3", {}, `What to do with ${label}`),
    buttons(detail),
    commands(detail),
    element("h3", {}, "Where it came from"),
    element(
      "dl.facts",
      {},
      facts
        .filter(([, text]) => text)
        .flatMap(([name, text]) => [element("dt", {}, name), element("dd", {}, text)]),
    ),
  );
}

/** @param {Timing} timed */
const micro = ({ micro_batch_size: size }) => (size ? ` in parts of ${size}` : "");

/** @param {{[name: string]: unknown} | null} values @param {(value: any) => string} format */
const listed = (values, format) =>
  Object.entries(values ?? {})
    .map(([name, value]) => `${name} ${format(value)}`)
    .join(", ");

/** @param {Detail} detail */
function buttons(detail) {
  const text = () => `${JSON.stringify(detail.file, null, 2)}\n`;
  /** @param {string} action @param {string} name @param {(event: any) => void} onclick */
  const button = (action, name, onclick) =>
    element("button", { type: "button", "data-action": action, onclick }, name);
  return element(
    "p.buttons",
    {},
    button("save-json", "Save JSON", () => save(detail.file_name, text(), "application/json")),
    button("copy-scale", "Copy nas scale", (event) => copy(detail.commands.scale, event.target)),
    button("copy-train", "Copy nas train", (event) => copy(detail.commands.train, event.target)),
  );
}

/** @param {Detail} detail */
function commands({ commands }) {
  return element(
    "div.commands",
    {},
    [commands.scale, commands.train].map((text) => element("code", {}, text)),
  );
}
