"""The report's page; ``$name`` stands for what :mod:`results.report` puts there."""

from __future__ import annotations

from string import Template

PAGE = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>$title</title>
<style>
:root { --text: #1b1b1f; --muted: #5c5c66; --page: #fff; --grid: #e4e4ea; --front: #c2410c; }
@media (prefers-color-scheme: dark) {
  :root { --text: #e8e8ee; --muted: #a3a3b0; --page: #16161a; --grid: #34343c; --front: #fb923c; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 68rem; background: var(--page);
  color: var(--text); font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; margin: 0 0 .25rem; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
p { margin: .25rem 0; }
.muted { color: var(--muted); font-size: .9rem; }
#pareto { width: 100%; height: min(36rem, 85vh); min-height: 26rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .875rem; }
th, td { padding: .3rem .75rem .3rem 0; border-bottom: 1px solid var(--grid); text-align: left;
  vertical-align: top; white-space: pre; }
@media (max-width: 30rem) { th, td { padding-right: .45rem; } }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
</style>
<script>$plotly</script>
</head>
<body>
<h1>$title</h1>
<p>$summary</p>
<p class="muted">$reading</p>
<div id="pareto" role="img" aria-label="Accuracy against training step time"></div>
<h2>The best by reward</h2>
$best
<p class="muted">Stages: operator (F fused MBConv, M MBConv) and kernel, e expansion, c channels,
x layers, / stride.</p>
<h2>$winner</h2>
$stages
<h2>How the candidates ended</h2>
$endings
<h2>Settings</h2>
$settings
<script type="application/json" id="figure">$figure</script>
<script>
const figure = JSON.parse(document.getElementById("figure").textContent);
const dark = matchMedia("(prefers-color-scheme: dark)");
const colour = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
function draw() {
  const text = colour("--text"), grid = colour("--grid"), page = colour("--page");
  for (const trace of figure.data) {
    if (trace.line) trace.line.color = colour("--front");
    if (trace.marker) trace.marker.line.color = text;
    if (trace.marker && !trace.marker.colorscale) trace.marker.color = text;
  }
  const axis = { gridcolor: grid, linecolor: grid, zeroline: false, automargin: true };
  const layout = figure.layout;
  Object.assign(layout, { paper_bgcolor: page, plot_bgcolor: page });
  layout.font = { color: text, family: "system-ui, sans-serif" };
  layout.hoverlabel = { bgcolor: page, bordercolor: grid, font: { color: text }, align: "left" };
  layout.shapes[0].line.color = text;
  Object.assign(layout.xaxis, axis);
  Object.assign(layout.yaxis, axis);
  Plotly.react("pareto", figure.data, layout, { responsive: true, displaylogo: false });
}
draw();
dark.addEventListener("change", draw);
</script>
</body>
</html>
""")
