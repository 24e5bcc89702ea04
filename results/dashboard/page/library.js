"use strict";

/** plotly.js, which takes a second or two to run: asked for once points and axes are there. */
{
  /** @type {() => void} */
  let announce;
  /** @type {Promise<void>} */
  const loaded = new Promise((resolve) => (announce = resolve));

  const isLoaded = () => typeof Plotly !== "undefined";

  /** Fetches and runs it, once; in a report it comes as the last script of the file itself. */
  function load() {
    if (isLoaded()) announce();
    else if (nas.source.isReport()) document.addEventListener("DOMContentLoaded", announce);
    else fetchIt();
  }

  function fetchIt() {
    const script = nas.dom.element("script", { src: "plotly.js" });
    script.addEventListener("load", announce);
    document.head.append(script);
  }

  nas.library = { isLoaded, load, loaded };
}
