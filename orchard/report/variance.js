// ---- What the components explain

function drawVariance() {
  const shown = data.spectrum.slice(0, Math.max(2 * data.kept, 30));
  const numbers = shown.map((_, i) => i + 1);
  const kept = css("--accent");
  const sums = [];
  shown.reduce((sum, share, i) => (sums[i] = sum + share), 0);
  const share = { tickformat: ".0%", rangemode: "tozero" };
  const component = { title: { text: "component" }, range: [0.4, shown.length + 0.6], tickformat: "d", nticks: 8 };
  Plotly.react("scree", [{
    type: "bar", x: numbers, y: shown,
    marker: { color: numbers.map((n) => (n <= data.kept ? kept : css("--dim"))), line: { width: 0 } },
    hovertemplate: "component %{x}: %{y:.2%}<extra></extra>",
  }], layout({ bargap: shown.length > 60 ? 0 : 0.25, xaxis: component, yaxis: share }), config);
  const cut = sums[data.kept - 1];
  const left = data.kept > shown.length / 2;
  const curve = (from, to, colour, fill) => ({
    type: "scatter", mode: shown.length < 3 ? "lines+markers" : "lines", x: numbers.slice(from, to), y: sums.slice(from, to),
    line: { color: colour, width: 2.5 }, fill, fillcolor: colour.replace(/^#(..)(..)(..)$/, (_, r, g, b) =>
      `rgba(${[r, g, b].map((c) => parseInt(c, 16)).join(",")},.14)`),
    hovertemplate: "the first %{x}: %{y:.1%}<extra></extra>",
  });
  const lines = [{ type: "line", x0: data.kept, x1: data.kept, y0: 0, y1: cut, line: { color: kept, width: 1.5, dash: "dot" } }];
  if (data.target) {
    lines.push({ type: "line", xref: "paper", x0: 0, x1: 1, y0: data.target, y1: data.target, line: { color: css("--muted"), width: 1, dash: "dash" } });
  }
  Plotly.react("cumulative", [curve(data.kept - 1, shown.length, css("--dim"), "none"), curve(0, data.kept, kept, "tozeroy"),
    { type: "scatter", mode: "markers", x: [data.kept], y: [cut], marker: { color: kept, size: 10 }, hoverinfo: "skip" }],
  layout({
    shapes: lines,
    annotations: [{
      x: data.kept, y: cut, text: `<b>${data.kept} kept: ${percent(cut)}</b>`, showarrow: false, font: { color: css("--ink") },
      xanchor: left ? "right" : "left", yanchor: "top", xshift: left ? -10 : 10, yshift: -8,
    }],
    xaxis: component, yaxis: { ...share, range: [0, 1.04] },
  }), config);
}
