/** What all of plotly.js's smaller charts have in common, and those of one candidate. */

import * as colours from "./colours.js";
import * as columns from "./columns.js";
import { plain } from "./format.js";
import * as library from "./library.js";

/** @param {HTMLElement} place @param {Trace[]} traces @param {ChartLayout} layout */
export async function chart(place, traces, layout) {
  await library.loaded;
  const theme = colours.theme;
  const axis = { gridcolor: theme("grid"), zeroline: false, automargin: true };
  /** @param {string} text */
  const title = (text) => ({ text: plain(text), standoff: 6 });
  const { x, y, ...rest } = layout;
  return Plotly.react(
    place,
    traces,
    {
      margin: { l: 46, r: 10, t: 8, b: x.title ? 36 : 22 },
      font: {
        color: theme("muted"),
        family: getComputedStyle(document.body).fontFamily,
        size: 11,
      },
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      hoverlabel: {
        bgcolor: theme("page"),
        bordercolor: theme("grid"),
        font: { color: theme("text") },
      },
      showlegend: traces.filter((trace) => trace.name).length > 1,
      legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0 },
      dragmode: false,
      ...rest,
      xaxis: { ...axis, fixedrange: true, ...x, title: title(x.title) },
      yaxis: { ...axis, fixedrange: true, ...y, title: title(y.title) },
    },
    { displayModeBar: false, responsive: true, showTips: false },
  );
}

/** @param {number} place */
const colourOf = (place) => colours.theme(place ? "second" : "accent");

/** The run's metric by epoch. @param {HTMLElement} place @param {Network[]} shown */
export function learning(place, shown) {
  const traces = shown.map(({ label, detail }, network) => ({
    x: detail.curve.map(([epoch]) => epoch),
    y: detail.curve.map(([, , accuracy]) => 100 * accuracy),
    customdata: detail.curve.map(([, loss, , elapsed]) => [loss, elapsed]),
    name: plain(label),
    mode: "lines+markers",
    marker: { size: 5 },
    line: { color: colourOf(network), width: 2, dash: network ? "dot" : "solid" },
    hovertemplate:
      "epoch %{x}: %{y:.2f} %<br>loss %{customdata[0]:.4f}, after %{customdata[1]:.1f} s<extra></extra>",
  }));
  return chart(place, traces, { x: { title: "epoch" }, y: { title: columns.find("accuracy").label } });
}

/**
 * Each timed step in its order, with the backbone's in turn.
 * @param {HTMLElement} place @param {Network[]} shown
 */
export function samples(place, shown) {
  /**
   * @param {number[]} values @param {string} name @param {string} colour
   * @param {string} symbol
   */
  const line = (values, name, colour, symbol) => ({
    x: values.map((_, place) => place + 1),
    y: values.map((value) => 1000 * value),
    name: plain(name),
    mode: "markers",
    marker: { size: 5, color: colour, symbol },
    hovertemplate: "step %{x}: %{y:.2f} ms<extra></extra>",
  });
  const traces = shown.flatMap(({ label, detail }, network) => [
    line(detail.samples_s, label, colourOf(network), network ? "diamond" : "circle"),
    ...(network
      ? []
      : [
          line(
            detail.reference_samples_s,
            "backbone, in turn",
            colours.theme("muted"),
            "circle-open",
          ),
        ]),
  ]);
  return chart(place, traces, {
    x: { title: "pair" },
    y: { title: "step (ms)", rangemode: "tozero" },
  });
}
