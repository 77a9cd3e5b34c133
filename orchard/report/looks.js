// ---- The pictures nearest to one, and those of a confusion: one dialog shows either, and leads from one to the next.

const NEAREST = 20;
const looks = { before: [], now: null }; // what was shown before, and what is: functions that show it

// Whole numbers of steps, in 16 bits each; a distance is the step times that of the numbers.
const places = (() => {
  const bytes = Uint8Array.from(atob(data.near.values), (letter) => letter.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  return Int16Array.from({ length: bytes.length / 2 }, (_, i) => view.getInt16(2 * i, true));
})();

// The nearest first, [picture, distance]; of equally near ones that of the smaller number.
function nearestTo(point) {
  const { width, step } = data.near;
  const found = [];
  for (let other = 0; other * width < places.length; other++) {
    if (other === point) continue;
    let square = 0;
    for (let i = 0; i < width; i++) square += (places[point * width + i] - places[other * width + i]) ** 2;
    found.push([square, other]);
  }
  found.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  return found.slice(0, NEAREST).map(([square, other]) => [other, step * Math.sqrt(square)]);
}

const digits = (distance) => (distance >= 100 ? distance.toFixed(0) : distance.toPrecision(3));

// A picture as a button that leads to those nearest to it.
function lookButton(point, label, more) {
  const button = Object.assign(document.createElement("button"), { type: "button", className: "look" });
  button.dataset.point = point;
  button.title = told("path", point);
  const own = told("label", point);
  if (label !== undefined && own !== label) button.classList.add("other");
  const image = picture(point);
  button.append(image ? Object.assign(new Image(), { src: image, alt: "" }) : Object.assign(document.createElement("span"), { className: "blank" }));
  const lines = document.createElement("span");
  lines.append(isolated(nameOf(own)));
  const small = document.createElement("small");
  small.textContent = [data.splits[told("split", point)], more].filter(Boolean).join(" · ");
  button.append(lines, small);
  return button;
}

function openLooks(title, own, note, items) {
  el("looks-title").replaceChildren(...title);
  el("looks-own").hidden = own === null;
  if (own !== null) {
    el("looks-picture").src = picture(own);
    el("looks-picture").hidden = !picture(own);
    el("looks-split").textContent = data.splits[told("split", own)];
    el("looks-path").textContent = told("path", own);
  }
  el("looks-note").replaceChildren(...note);
  el("looks-list").replaceChildren(...items.map((buttons) => {
    const item = document.createElement("li");
    item.append(...buttons);
    return item;
  }));
  el("looks-list").classList.toggle("pairs", own === null);
  el("looks-back").hidden = looks.before.length === 0;
  if (!el("looks").open) el("looks").showModal();
  el("looks").scrollTop = 0;
  el("looks-title").focus();
}

function showNearest(point) {
  const label = told("label", point);
  const found = nearestTo(point);
  const all = onMap + data.more.label.length;
  const some = data.near.width < data.kept ? `the first ${counted(data.near.width)} of ${counted(data.kept)}` : counted(data.near.width);
  const others = `${found.length === 1 ? "The picture" : `The ${found.length} pictures`} nearest to it`;
  openLooks(["Nearest to ", isolated(nameOf(label))], point, [
    `${others}, of the ${counted(all)} in this page, and how far away ${found.length === 1 ? "it is" : "each is"} on ${some} component${data.near.width === 1 ? "" : "s"}. A line below marks another class.`,
  ], found.map(([other, distance]) => [lookButton(other, label, digits(distance))]));
}

function showConfused(number) {
  const { label, predicted, count, pairs } = data.confused[number];
  const left = count - pairs.length;
  openLooks([isolated(label || "no folder"), " taken for ", isolated(predicted || "no folder")], null, [
    `${counted(count)} Test image${count === 1 ? "," : "s, each"} beside the Training image nearest to it.`,
    left ? ` ${counted(pairs.length)} are shown; ${counted(left)} ${left === 1 ? "is" : "are"} not in this page.` : "",
  ], pairs.map(([one, other]) => [lookButton(one), lookButton(other)]));
}

function follow(show) {
  if (el("looks").open) looks.before.push(looks.now);
  else looks.before = [];
  looks.now = show;
  show();
}

const lookAround = (point) => follow(() => showNearest(point));

// Of many pictures or confusions Tab leads to one; the arrow keys move among them.
function setUpArrows(group) {
  const buttons = [...group.querySelectorAll(".look, .confusion")];
  if (!buttons.length) return;
  const reach = (button) => buttons.forEach((other) => (other.tabIndex = other === button ? 0 : -1));
  reach(buttons[0]);
  group.addEventListener("keydown", (event) => {
    const at = buttons.indexOf(event.target);
    const moves = { ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1, Home: 0, End: buttons.length - 1 };
    if (at < 0 || !(event.key in moves) || event.ctrlKey || event.altKey || event.metaKey) return;
    const next = buttons[Math.max(0, Math.min(moves[event.key], buttons.length - 1))];
    reach(next);
    next.focus();
    event.preventDefault();
  });
  group.addEventListener("focusin", (event) => buttons.includes(event.target) && reach(event.target));
}

function setUpLooks() {
  document.querySelectorAll("[data-looks]").forEach(setUpArrows);
  document.addEventListener("click", ({ target }) => {
    const look = target.closest("[data-point]");
    if (look) return lookAround(Number(look.dataset.point));
    const confusion = target.closest("tr")?.querySelector("[data-confusion]");
    if (!confusion) return;
    confusion.focus({ preventScroll: true }); // where one is again when the dialog is closed
    follow(() => showConfused(Number(confusion.dataset.confusion)));
  });
  el("looks-close").addEventListener("click", () => el("looks").close());
  el("looks-back").addEventListener("click", () => {
    looks.now = looks.before.pop();
    looks.now();
  });
  // A click beside the dialog is one on its backdrop, which is the dialog itself without what is in it.
  el("looks").addEventListener("click", (event) => {
    const { left, right, top, bottom } = el("looks").getBoundingClientRect();
    const inside = event.clientX >= left && event.clientX <= right && event.clientY >= top && event.clientY <= bottom;
    if (event.target === el("looks") && !inside) el("looks").close();
  });
}
