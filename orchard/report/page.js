"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const el = (id) => document.getElementById(id);
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const touch = matchMedia("(pointer: coarse)").matches;
  const percent = (share) => `${(100 * share).toFixed(share < 0.0995 ? 2 : 1)} %`;
  const nameOf = (label) => data.labels[label] || "no folder";
  const picture = (point) => {
    const content = data.points.picture[point];
    return content ? `data:image/webp;base64,${content}` : "";
  };

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
  const config = { responsive: true, displayModeBar: false, doubleClick: touch ? false : "reset" };

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

  // ---- The map

  const SYMBOLS = ["circle", "diamond", "square", "triangle-up"];
  const SHAPES = ["M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2z", "M8 1l7 7-7 7-7-7z", "M2.5 2.5h11v11h-11z", "M8 1.5l7 13H1z"];
  const map = { chosen: new Set(), hiddenSplits: new Set(), found: null, current: -1, pinned: false, axes: [0, 1] };
  const coordinates = (axis) => data.points.values[map.axes[axis]] || data.points.label; // with one component: classes

  function isBright(label) {
    if (!map.chosen.size && !map.found) return true;
    return map.chosen.has(label) || (map.found !== null && map.found.has(label));
  }

  function drawMap(reset) {
    const { label, split } = data.points;
    const colours = data.labels.map((_, i) => labelColour(i));
    const all = label.map((_, i) => i).filter((i) => !map.hiddenSplits.has(split[i]));
    const trace = (points, marker) => ({
      type: "scatter", mode: "markers", hoverinfo: "none", customdata: points,
      x: points.map((i) => coordinates(0)[i]), y: points.map((i) => coordinates(1)[i]),
      marker: { symbol: points.map((i) => SYMBOLS[split[i] % SYMBOLS.length]), line: { width: 0 }, ...marker },
    });
    const bright = all.filter((i) => isBright(label[i]));
    const title = (axis) => ({ text: data.points.values[map.axes[axis]] ? `component ${map.axes[axis] + 1}` : "class" });
    // A new uirevision is what makes Plotly forget the zoom.
    if (reset) map.revision = (map.revision || 0) + 1;
    Plotly.react("scatter", [
      trace(all.filter((i) => !isBright(label[i])), { color: css("--dim"), size: 5, opacity: 0.45 }),
      trace(bright, { color: bright.map((i) => colours[label[i]]), size: all.length > 600 ? 7 : 9, opacity: 0.85 }),
    ], layout({
      dragmode: touch ? false : "zoom", hovermode: "closest", hoverdistance: 12, uirevision: map.revision,
      margin: { l: 40, r: 6, t: 6, b: 40 },
      xaxis: { title: title(0), fixedrange: touch }, yaxis: { title: title(1), fixedrange: touch },
    }), config);
  }

  function pixels(point) {
    const { xaxis, yaxis } = el("scatter")._fullLayout;
    const at = (axis, value) => axis._offset + axis.l2p(value);
    return [at(xaxis, coordinates(0)[point]), at(yaxis, coordinates(1)[point])];
  }

  function showPoint(point, pinned) {
    map.current = point;
    map.pinned = pinned;
    const [label, split] = [nameOf(data.points.label[point]), data.splits[data.points.split[point]]];
    el("card-picture").src = picture(point);
    el("card-picture").hidden = !picture(point);
    el("card-label").textContent = label;
    el("card-split").textContent = split;
    el("card-path").textContent = data.points.path[point];
    const [card, frame, ring] = [el("card"), el("scatter-frame"), el("ring")];
    card.hidden = ring.hidden = false;
    const [x, y] = pixels(point);
    const space = 16;
    const right = x + space + card.offsetWidth <= frame.clientWidth ? x + space : x - space - card.offsetWidth;
    const above = y - space - card.offsetHeight;
    card.style.left = `${Math.max(0, Math.min(right, frame.clientWidth - card.offsetWidth))}px`;
    card.style.top = `${above >= 0 ? above : y + space}px`;
    ring.style.left = `${x}px`;
    ring.style.top = `${y}px`;
    if (pinned) el("spoken").textContent = [label, split, data.points.path[point]].join(", ");
  }

  function hidePoint() {
    el("card").hidden = el("ring").hidden = true;
    map.pinned = false;
  }

  // The nearest dot within a quarter turn around the arrow's direction.
  function neighbour(direction) {
    const plot = el("scatter");
    const { xaxis, yaxis } = plot._fullLayout;
    const here = el("card").hidden ? [xaxis._offset + xaxis._length / 2, yaxis._offset + yaxis._length / 2] : pixels(map.current);
    let best = -1;
    let least = Infinity;
    for (const { customdata } of el("card").hidden || isBright(data.points.label[map.current]) ? plot.data.slice(1) : plot.data) {
      for (const point of customdata) {
        const [x, y] = pixels(point);
        const [dx, dy] = [x - here[0], y - here[1]];
        const along = dx * direction[0] + dy * direction[1];
        const aside = Math.abs(dx * direction[1]) + Math.abs(dy * direction[0]);
        const inside = x >= xaxis._offset && x <= xaxis._offset + xaxis._length && y >= yaxis._offset && y <= yaxis._offset + yaxis._length;
        if (point !== map.current && inside && along > 0 && aside <= along && along + aside < least) [best, least] = [point, along + aside];
      }
    }
    return best;
  }

  const plain = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
  // "apple, kiwi" finds every class with either; "apple red" those with both words.
  function finder(query) {
    const wanted = plain(query).split(",").map((part) => part.split(/\s+/).filter(Boolean)).filter((words) => words.length);
    if (!wanted.length) return null;
    return (text) => wanted.some((words) => words.every((word) => plain(text).includes(word)));
  }

  function drawLegend() {
    const finds = finder(el("find-class").value);
    map.found = finds && new Set(data.labels.map((_, i) => i).filter((i) => finds(nameOf(i))));
    let listed = 0;
    for (const item of el("legend").children) {
      const label = Number(item.dataset.label);
      const button = item.firstChild;
      item.hidden = map.found !== null && !map.found.has(label) && !map.chosen.has(label);
      button.setAttribute("aria-pressed", String(map.chosen.has(label)));
      button.firstChild.style.background = labelColour(label);
      listed += Number(isBright(label));
    }
    const some = map.chosen.size > 0 || map.found !== null;
    el("legend-count").textContent = some ? `${listed} of ${data.labels.length} classes` : `${data.labels.length} classes`;
    el("clear-classes").hidden = !some;
  }

  function update(reset) {
    hidePoint();
    drawLegend();
    drawMap(reset);
  }

  function setUpMap() {
    const { values, label } = data.points;
    for (const [axis, select] of [el("axis-x"), el("axis-y")].entries()) {
      for (const [i] of values.entries()) {
        select.add(new Option(`${i + 1} (${percent(data.spectrum[i])})`, i, false, i === map.axes[axis]));
      }
      select.disabled = values.length < 2;
      select.addEventListener("change", () => {
        map.axes[axis] = Number(select.value);
        update(true);
      });
    }
    for (const [split, name] of data.splits.entries()) {
      const toggle = document.createElement("label");
      const box = Object.assign(document.createElement("input"), { type: "checkbox", checked: true });
      box.addEventListener("change", () => {
        map.hiddenSplits[box.checked ? "delete" : "add"](split);
        update(false);
      });
      toggle.innerHTML = `<svg viewBox="0 0 16 16" width="13" height="13" aria-hidden="true"><path d="${SHAPES[split % SHAPES.length]}"/></svg>`;
      toggle.prepend(box);
      toggle.append(name || "no split");
      el("split-toggles").append(toggle);
    }
    const counts = data.labels.map(() => 0);
    label.forEach((i) => (counts[i] += 1));
    for (const [i] of data.labels.entries()) {
      const item = document.createElement("li");
      const button = Object.assign(document.createElement("button"), { type: "button" });
      button.append(document.createElement("i"), Object.assign(document.createElement("span"), { textContent: nameOf(i) }),
        Object.assign(document.createElement("small"), { textContent: counts[i] }));
      button.addEventListener("click", () => {
        map.chosen[map.chosen.has(i) ? "delete" : "add"](i);
        update(false);
      });
      item.dataset.label = i;
      item.append(button);
      el("legend").append(item);
    }
    el("find-class").addEventListener("input", () => update(false));
    el("clear-classes").addEventListener("click", () => {
      el("find-class").value = "";
      map.chosen.clear();
      update(false);
      el("find-class").focus();
    });
    el("reset-view").addEventListener("click", () => update(true));
    const frame = el("scatter-frame");
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    frame.addEventListener("keydown", (event) => {
      if (event.key === "Escape") hidePoint();
      if (!(event.key in moves) || event.ctrlKey || event.altKey || event.metaKey) return;
      event.preventDefault();
      const next = neighbour(moves[event.key]);
      if (next >= 0) showPoint(next, true);
    });
    frame.addEventListener("focusout", hidePoint);
    update(true);
    const plot = el("scatter");
    plot.on("plotly_hover", (event) => showPoint(event.points[0].customdata, false));
    plot.on("plotly_unhover", () => map.pinned || hidePoint());
    plot.on("plotly_click", (event) => showPoint(event.points[0].customdata, true));
    // A tap, which browsers report as a touch and again as a click, is a double click to Plotly: one that changes nothing.
    plot.on("plotly_relayout", (changes) => Object.keys(changes).length === 0 || hidePoint());
  }

  // ---- Tables

  function setUpPictures() {
    const first = new Map();
    data.points.label.forEach((label, i) => first.has(label) || !picture(i) || first.set(label, i));
    for (const place of document.querySelectorAll(".pictured")) {
      const point = first.get(Number(place.dataset.label));
      if (point !== undefined) place.prepend(Object.assign(new Image(), { src: picture(point), alt: "" }));
    }
  }

  function setUpTable(table) {
    const body = table.tBodies[0];
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => head.firstChild.addEventListener("click", () => {
      const falling = head.ariaSort === "ascending" || (head.ariaSort === "none" && column > 0 && column <= data.splits.length);
      heads.forEach((other) => (other.ariaSort = "none"));
      head.ariaSort = falling ? "descending" : "ascending";
      const key = (row) => Number(row.cells[column].dataset.sort) * (falling ? -1 : 1);
      body.append(...[...body.rows].sort((a, b) => key(a) - key(b)));
    }));
    el("find-row").addEventListener("input", (event) => {
      const finds = finder(event.target.value);
      let shown = 0;
      for (const row of body.rows) {
        row.hidden = finds !== null && !finds(row.cells[0].textContent);
        shown += Number(!row.hidden);
      }
      el("row-count").textContent = finds ? `${shown} of ${body.rows.length}` : "";
    });
  }

  const hasMap = data.points.label.length > 0;
  setUpPictures();
  if (el("class-table")) setUpTable(el("class-table"));
  if (data.spectrum.length) drawVariance();
  if (hasMap) setUpMap();
  dark.addEventListener("change", () => {
    if (data.spectrum.length) drawVariance();
    if (hasMap) update(false);
  });
})();
