// ---- The classes beside the map: one list for the keyboard, in which the arrow keys move.

const plain = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
const counted = (number) => number.toLocaleString("en");

// "apple, kiwi" finds every class with either; "apple red" those with both words.
function finder(query) {
  const wanted = plain(query).split(",").map((part) => part.split(/\s+/).filter(Boolean)).filter((words) => words.length);
  if (!wanted.length) return null;
  return (text) => wanted.some((words) => words.every((word) => plain(text).includes(word)));
}

function drawLegend() {
  const finds = finder(el("find-class").value);
  map.found = finds && new Set(data.labels.map((_, i) => i).filter((i) => finds(nameOf(i))));
  const dots = data.labels.map(() => 0);
  data.points.label.forEach((label, i) => (dots[label] += Number(!map.hiddenSplits.has(data.points.split[i]))));
  let listed = 0;
  for (const item of el("legend").children) {
    const label = Number(item.dataset.label);
    const [shown, all] = [dots[label], data.counts[label]];
    item.hidden = map.found !== null && !map.found.has(label) && !map.chosen.has(label);
    item.setAttribute("aria-selected", map.chosen.has(label));
    item.firstChild.style.background = labelColour(label);
    item.lastChild.textContent = shown === all ? counted(all) : `${counted(shown)} of ${counted(all)}`;
    const told = `${counted(all)} picture${all === 1 ? "" : "s"}, ${counted(shown)} shown`;
    item.title = `\u2068${nameOf(label)}\u2069: ${told}`;
    item.setAttribute("aria-label", `${nameOf(label)}: ${told}`);
    listed += Number(isBright(label));
  }
  const some = map.chosen.size > 0 || map.found !== null;
  el("legend-count").textContent = some ? `${listed} of ${data.labels.length} classes` : `${data.labels.length} classes`;
  el("clear-classes").hidden = !some;
  reach(listedItems().find((item) => item.tabIndex === 0) || listedItems()[0]);
}

const listedItems = () => [...el("legend").children].filter((item) => !item.hidden);

// The one entry that Tab leads to.
function reach(item) {
  for (const other of el("legend").children) other.tabIndex = other === item ? 0 : -1;
}

function choose(item) {
  const label = Number(item.dataset.label);
  map.chosen[map.chosen.has(label) ? "delete" : "add"](label);
  reach(item);
  update();
}

function moveInLegend(event) {
  const items = listedItems();
  const at = items.indexOf(document.activeElement);
  const places = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 };
  if (at < 0 || event.ctrlKey || event.altKey || event.metaKey) return;
  if (event.key in places) {
    const item = items[Math.max(0, Math.min(places[event.key], items.length - 1))];
    reach(item);
    item.focus();
  } else if (event.key === " " || event.key === "Enter") {
    choose(items[at]);
  } else {
    return;
  }
  event.preventDefault();
}

function setUpLegend() {
  for (const [i] of data.labels.entries()) {
    const item = document.createElement("li");
    item.setAttribute("role", "option");
    item.append(document.createElement("i"), Object.assign(document.createElement("span"), { textContent: nameOf(i) }),
      document.createElement("small"));
    item.dataset.label = i;
    item.addEventListener("click", () => choose(item));
    el("legend").append(item);
  }
  el("legend").addEventListener("keydown", moveInLegend);
  el("find-class").addEventListener("input", update);
  el("clear-classes").addEventListener("click", () => {
    el("find-class").value = "";
    map.chosen.clear();
    update();
    el("find-class").focus();
  });
}
