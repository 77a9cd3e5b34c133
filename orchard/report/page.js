// ---- All of it

const hasMap = data.points.label.length > 0;
setUpPictures();
setUpLooks();
if (el("class-table")) setUpTable(el("class-table"));
if (data.spectrum.length) drawVariance();
if (hasMap) setUpMap();
dark.addEventListener("change", () => {
  if (data.spectrum.length) drawVariance();
  if (hasMap) update();
});
