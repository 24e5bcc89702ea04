/** plotly.js, which takes a second or two to run: asked for once points and axes are there. */

import { element } from "./dom.js";
import * as source from "./source.js";

/** @type {() => void} */
let announce;
/** @type {Promise<void>} */
export const loaded = new Promise((resolve) => (announce = resolve));

export const isLoaded = () => typeof Plotly !== "undefined";

/** Fetches and runs it, once; in a report it comes as the last script of the file itself. */
export function load() {
  if (isLoaded()) announce();
  else if (source.isReport()) document.addEventListener("DOMContentLoaded", announce);
  else fetchIt();
}

function fetchIt() {
  const script = element("script", { src: "plotly.js" });
  script.addEventListener("load", announce);
  document.head.append(script);
}
