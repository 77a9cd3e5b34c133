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
