// The moving face of a report: played when asked to, or moved along by hand.
(function () {
  "use strict";
  const data = JSON.parse(document.getElementById("moments").textContent);
  const box = document.getElementById("player");
  const paths = box.querySelectorAll("path"), slider = box.querySelector("input");
  const button = box.querySelector("button"), told = box.querySelector("output");
  const trace = (face) => data.lines.map((line) => {
    let pen = "M";
    return line.map((k) => {
      if (face[2 * k] === null || face[2 * k + 1] === null) { pen = "M"; return ""; }
      const part = pen + face[2 * k] + " " + face[2 * k + 1];
      pen = "L";
      return part;
    }).join("");
  }).join("");
  function show(k) {
    slider.value = k;
    [data.faces, data.others].forEach((faces, which) => {
      if (faces.length) paths[which].setAttribute("d", trace(faces[k]));
    });
    told.textContent = data.unit === "seconds" ? data.times[k].toFixed(2) + " s" : "frame " + data.times[k];
  }
  let timer = 0;
  function stop() { clearTimeout(timer); timer = 0; button.textContent = "play"; }
  function step() {
    const k = Number(slider.value) + 1;
    if (k >= data.times.length) return stop();
    show(k);
    const wait = data.unit === "seconds" && k + 1 < data.times.length ? 1000 * (data.times[k + 1] - data.times[k]) : 40;
    timer = setTimeout(step, Math.min(Math.max(wait, 10), 500));
  }
  button.addEventListener("click", () => {
    if (timer) return stop();
    if (Number(slider.value) >= data.times.length - 1) show(0);
    button.textContent = "stop";
    step();
  });
  slider.addEventListener("input", () => { stop(); show(Number(slider.value)); });
  show(0);
})();
