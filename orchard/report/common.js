const data = JSON.parse(document.getElementById("data").textContent);
const el = (id) => document.getElementById(id);
const dark = matchMedia("(prefers-color-scheme: dark)");
const touch = matchMedia("(pointer: coarse)").matches;
const percent = (share) => `${(100 * share).toFixed(share < 0.0995 ? 2 : 1)} %`;
const nameOf = (label) => data.labels[label] || "no folder";
// Pictures have numbers: those of the map come first, then those that are shown elsewhere alone.
const onMap = data.points.label.length;
const told = (what, point) => (point < onMap ? data.points[what][point] : data.more[what][point - onMap]);
const picture = (point) => {
  const content = told("picture", point);
  return content ? `data:image/webp;base64,${content}` : "";
};
// A name of any direction of writing, so that what stands beside it stays where it is.
const isolated = (text) => Object.assign(document.createElement("bdi"), { textContent: text });

// ---- Colours, all of them from the style sheet or, for classes, of one lightness on either background.

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// OKLCH, from Björn Ottosson's Oklab: in it, a yellow of the same lightness is not brighter than a blue.
function oklch(lightness, chroma, hue) {
  const a = chroma * Math.cos((hue * Math.PI) / 180);
  const b = chroma * Math.sin((hue * Math.PI) / 180);
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  const channels = [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ].map((c) => (c <= 0.0031308 ? 12.92 * c : 1.055 * c ** (1 / 2.4) - 0.055));
  return `rgb(${channels.map((c) => Math.round(255 * Math.min(1, Math.max(0, c)))).join(",")})`;
}

// Neighbours in the alphabet get neighbouring hues (all apples are reddish, say) but three different lightnesses.
function labelColour(label) {
  const steps = data.labels.length > 8 ? [0, 0.09, -0.09] : [0];
  const lightness = (dark.matches ? 0.74 : 0.6) + steps[label % steps.length];
  return oklch(lightness, 0.145, 25 + (330 * label) / data.labels.length);
}

function layout(more) {
  const axis = { gridcolor: css("--rule"), linecolor: css("--rule"), zeroline: false, automargin: true, fixedrange: true };
  return {
    font: { family: css("--sans"), size: 13, color: css("--muted") },
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    hoverlabel: { bgcolor: css("--raised"), bordercolor: css("--rule"), font: { color: css("--ink"), family: css("--sans") } },
    margin: { l: 44, r: 12, t: 10, b: 40 },
    showlegend: false,
    dragmode: false,
    ...more,
    xaxis: { ...axis, ...more.xaxis },
    yaxis: { ...axis, ...more.yaxis },
  };
}
const config = { responsive: true, displayModeBar: false, doubleClick: false, showTips: false };
