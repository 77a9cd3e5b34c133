// ---- The map: a dot for each picture of the sample.

const SYMBOLS = ["circle", "diamond", "square", "triangle-up"];
const SHAPES = ["M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2z", "M8 1l7 7-7 7-7-7z", "M2.5 2.5h11v11h-11z", "M8 1.5l7 13H1z"];
const CLOSEST = 200; // times the whole view
const map = {
  axes: [0, 1], // the components across and up
  view: null, // what is shown of each axis, [from, to]; null for the whole
  whole: null,
  chosen: new Set(), // classes
  found: null, // classes that the search finds; null without one
  hiddenSplits: new Set(),
  current: -1,
  pinned: false,
};
const coordinates = (axis) => data.points.values[map.axes[axis]] || data.points.label; // with one component: classes

function isBright(label) {
  if (!map.chosen.size && !map.found) return true;
  return map.chosen.has(label) || (map.found !== null && map.found.has(label));
}

function axes() {
  const { xaxis, yaxis } = el("scatter")._fullLayout;
  return [xaxis, yaxis];
}

function drawMap() {
  const { label, split } = data.points;
  const colours = data.labels.map((_, i) => labelColour(i));
  const all = label.map((_, i) => i).filter((i) => !map.hiddenSplits.has(split[i]));
  const trace = (points, marker) => ({
    type: "scatter", mode: "markers", hoverinfo: "none", customdata: points,
    x: points.map((i) => coordinates(0)[i]), y: points.map((i) => coordinates(1)[i]),
    marker: { symbol: points.map((i) => SYMBOLS[split[i] % SYMBOLS.length]), line: { width: 0 }, ...marker },
  });
  const [known, bright] = [true, false].map((old) => all.filter((i) => isBright(label[i]) && (split[i] === data.known) === old));
  const coloured = (points, marker) => trace(points, { color: points.map((i) => colours[label[i]]), ...marker });
  const axis = (number) => ({
    title: { text: data.points.values[map.axes[number]] ? `component ${map.axes[number] + 1}` : "class" },
    fixedrange: touch,
    ...(map.view && { range: map.view[number] }),
  });
  Plotly.react("scatter", [
    trace(all.filter((i) => !isBright(label[i])), { color: css("--dim"), size: 5, opacity: 0.45 }),
    ...(data.known === null ? [] : [coloured(known, { size: 5, opacity: 0.4 })]),
    coloured(bright, {
      size: all.length > 600 ? 7 : 9, opacity: 0.85, ...(data.known !== null && { line: { width: 1.2, color: css("--ink") } }),
    }),
  ], layout({
    dragmode: touch ? false : "zoom", hovermode: "closest", hoverdistance: 12,
    margin: { l: 40, r: 6, t: 6, b: 40 }, xaxis: axis(0), yaxis: axis(1),
  }), config);
  if (!map.view) map.whole = axes().map((one) => [...one.range]);
}

function update() {
  hidePoint();
  drawLegend();
  drawMap();
}

// ---- What is shown of it

function show(view) {
  const width = ([from, to]) => to - from;
  const ratios = view.map((range, i) => width(range) / width(map.whole[i]));
  if (Math.min(...ratios) < 1 / CLOSEST) return;
  map.view = Math.max(...ratios) < 1 ? view : null;
  hidePoint();
  drawMap();
}

// By a factor around a place of the plot, [0, 0] at its lower left and [1, 1] at its upper right, that moves to another.
function zoom(factor, view = axes().map((axis) => axis.range), place = [0.5, 0.5], moved = place) {
  show(view.map(([from, to], i) => {
    const [width, fixed] = [(to - from) / factor, from + place[i] * (to - from)];
    return [fixed - moved[i] * width, fixed + (1 - moved[i]) * width];
  }));
}

function showWhole() {
  map.view = null;
  update();
}

// Two fingers enlarge and move the map; one scrolls the page.
function followFingers(frame) {
  let start = null;
  const fingers = ({ touches: [one, other] }) => {
    const box = el("scatter").getBoundingClientRect();
    const [x, y] = [(one.clientX + other.clientX) / 2 - box.x, (one.clientY + other.clientY) / 2 - box.y];
    const [across, up] = axes();
    return {
      apart: Math.max(1, Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY)),
      place: [(x - across._offset) / across._length, 1 - (y - up._offset) / up._length],
    };
  };
  frame.addEventListener("touchstart", (event) => {
    start = event.touches.length === 2 ? { ...fingers(event), view: axes().map((axis) => [...axis.range]) } : null;
    if (start && event.cancelable) event.preventDefault();
  }, { passive: false });
  frame.addEventListener("touchmove", (event) => {
    if (!start || event.touches.length !== 2) return;
    if (event.cancelable) event.preventDefault();
    const now = fingers(event);
    if (!start.drawing) requestAnimationFrame(() => start && start.drawing());
    start.drawing = () => {
      start.drawing = null;
      zoom(now.apart / start.apart, start.view, start.place, now.place);
    };
  }, { passive: false });
  frame.addEventListener("touchend", () => (start = null));
  frame.addEventListener("touchcancel", () => (start = null));
}

// ---- One picture

function pixels(point) {
  return axes().map((axis, i) => axis._offset + axis.l2p(coordinates(i)[point]));
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
  card.classList.toggle("pinned", pinned);
  if (pinned) el("spoken").textContent = [label, split, data.points.path[point]].join(", ");
}

function hidePoint() {
  el("card").hidden = el("ring").hidden = true;
  map.pinned = false;
}

// The nearest dot within a quarter turn around the arrow's direction.
function neighbour(direction) {
  const plot = el("scatter");
  const [xaxis, yaxis] = axes();
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

// ---- Its controls

function setUpAxes() {
  const selects = [el("axis-x"), el("axis-y")];
  for (const [axis, select] of selects.entries()) {
    for (const [i] of data.points.values.entries()) {
      select.add(new Option(`${i + 1} (${percent(data.spectrum[i])})`, i, false, i === map.axes[axis]));
    }
    select.disabled = data.points.values.length < 2;
    select.addEventListener("change", () => {
      const [chosen, other] = [Number(select.value), 1 - axis];
      if (chosen === map.axes[other]) map.axes[other] = map.axes[axis]; // they change places: one against itself is a line
      map.axes[axis] = chosen;
      selects[other].value = map.axes[other];
      showWhole();
    });
  }
}

function setUpSplits() {
  for (const [split, name] of data.splits.entries()) {
    const toggle = document.createElement("label");
    const box = Object.assign(document.createElement("input"), { type: "checkbox", checked: true });
    box.addEventListener("change", () => {
      map.hiddenSplits[box.checked ? "delete" : "add"](split);
      update();
    });
    toggle.innerHTML = `<svg viewBox="0 0 16 16" width="13" height="13" aria-hidden="true"><path d="${SHAPES[split % SHAPES.length]}"/></svg>`;
    toggle.prepend(box);
    toggle.append(name || "no split");
    el("split-toggles").append(toggle);
  }
}

function setUpMap() {
  setUpAxes();
  setUpSplits();
  setUpLegend();
  el("zoom-in").addEventListener("click", () => zoom(1.5));
  el("zoom-out").addEventListener("click", () => zoom(1 / 1.5));
  el("reset-view").addEventListener("click", showWhole);
  const frame = el("scatter-frame");
  const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  frame.addEventListener("keydown", (event) => {
    if (event.key === "Escape") hidePoint();
    if (event.key === "Enter" && event.target === frame && map.pinned) lookAround(map.current);
    if (!(event.key in moves) || event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    const next = neighbour(moves[event.key]);
    if (next >= 0) showPoint(next, true);
  });
  frame.addEventListener("focusout", (event) => frame.contains(event.relatedTarget) || hidePoint());
  el("card-nearest").addEventListener("click", () => lookAround(map.current));
  followFingers(frame);
  update();
  const plot = el("scatter");
  plot.on("plotly_hover", (event) => showPoint(event.points[0].customdata, false));
  plot.on("plotly_unhover", () => map.pinned || hidePoint());
  plot.on("plotly_click", (event) => {
    const point = event.points[0].customdata;
    if (touch) return showPoint(point, true); // whose card has a button: a finger may have meant another dot
    frame.focus({ preventScroll: true });
    lookAround(point);
  });
  // A tap, which browsers report as a touch and again as a click, is a double click to Plotly: one that changes nothing.
  plot.on("plotly_doubleclick", () => touch || showWhole());
  plot.on("plotly_relayout", (changes) => {
    if (Object.keys(changes).length === 0) return;
    hidePoint();
    if (Object.keys(changes).some((name) => name.includes("range"))) map.view = axes().map((axis) => [...axis.range]);
  });
}
