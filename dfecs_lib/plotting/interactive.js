// A still figure becomes one that answers to pointer, finger and arrow keys, where plotly.js is there to draw it.
(function () {
  "use strict";
  window.dfecsHover = window.dfecsHover || function (id, graph) {
    const live = document.getElementById(id);
    if (!live || !window.Plotly || live.dataset.drawn) return;
    live.dataset.drawn = "yes";
    live.closest("figure").classList.add("dfecs-hovers");
    const config = { displayModeBar: false, responsive: true, doubleClick: false, scrollZoom: false };
    window.Plotly.newPlot(live, graph.data, graph.layout, config);
    const said = live.nextElementSibling;
    let at = -1;
    const show = (next) => {
      at = Math.min(graph.said.length - 1, Math.max(0, next));
      const shown = live.data.find((trace) => trace.hoverinfo !== "skip" && trace.visible !== "legendonly");
      if (shown) window.Plotly.Fx.hover(live, { xval: shown.x[at], yval: shown.y[at] || 0 }, "xy");
      said.textContent = graph.said[at];
    };
    const leave = () => { window.Plotly.Fx.unhover(live); said.textContent = ""; };
    live.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1, PageDown: 10, PageUp: -10 }[event.key];
      if (step) show(at + step);
      else if (event.key === "Home") show(0);
      else if (event.key === "End") show(graph.said.length - 1);
      else if (event.key === "Escape") leave();
      else return;
      event.preventDefault();
    });
    live.addEventListener("blur", leave);
  };
})();
