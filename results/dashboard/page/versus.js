/** Run against run: what each search reached, and how soon, where their rewards compare. */

import * as candidate from "./candidate.js";
import { compared } from "./course.js";
import { byId, element } from "./dom.js";
import { count, duration, fixed, MISSING } from "./format.js";
import { model } from "./model.js";
import * as runs from "./runs.js";

const REMARK =
  "Hypervolume and front are those of these runs together. By how much a search differs from one " +
  "with the same settings and another seed is not known from this.";

/** @param {Run[]} shown */
export function draw(shown) {
  const place = byId("versus");
  if (shown.length < 2) return place.replaceChildren();
  if (model.refusal) return place.replaceChildren(head(), element("p", {}, model.refusal));
  const reached = compared(shown);
  place.replaceChildren(head(), table(reached), element("p.muted", {}, REMARK));
}

const head = () => element("h2", {}, "Run against run");

/** @param {import("./course.js").Reached[]} reached */
function table(reached) {
  const target = least(reached);
  const names = [
    "run",
    "finished",
    "best reward",
    "candidate",
    target === null ? "reached by all" : `${fixed(4)(target)} reached after`,
    "in",
    "hypervolume",
    "on the common front",
  ];
  return element(
    "div.scroll",
    { tabindex: 0, role: "group", "aria-label": "run against run" },
    element(
      "table.versus",
      {},
      element("thead", {}, element("tr", {}, names.map((name) => element("th", { scope: "col" }, name)))),
      element("tbody", {}, reached.map(line)),
    ),
  );
}

/** @param {import("./course.js").Reached} reached */
function line({ run, finished: ended, best: most, target, volume, onFront }) {
  return element(
    "tr",
    {},
    element("th", { scope: "row" }, runs.dot(run), ` ${run.label}`),
    element("td.number", {}, count(ended)),
    element("td.number", {}, most ? fixed(4)(most.reward) : MISSING),
    element("td.number", {}, most ? candidate.link(most, String(most.number)) : MISSING),
    element("td.number", {}, target ? `${count(target.after)} candidates` : MISSING),
    element("td.number", {}, target ? duration(target.time) : MISSING),
    element("td.number", {}, fixed(3)(volume)),
    element("td.number", {}, count(onFront)),
  );
}

/** The reward that every run has reached. @param {import("./course.js").Reached[]} reached */
function least(reached) {
  const bests = reached.map(({ best: most }) => most?.reward ?? null);
  return bests.includes(null) ? null : Math.min(...bests);
}
