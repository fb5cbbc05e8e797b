// Arrow keys and Page Up/Down go from slide to slide. Without it the slides scroll.
(function () {
  "use strict";
  const slides = [...document.querySelectorAll("main > section")];
  const here = () => slides.reduce((best, slide, k) =>
    Math.abs(slide.getBoundingClientRect().top) < Math.abs(slides[best].getBoundingClientRect().top) ? k : best, 0);
  document.addEventListener("keydown", (event) => {
    if (event.target.closest("input, button, a, [tabindex='0']") || event.altKey || event.ctrlKey || event.metaKey) return;
    const step = { ArrowRight: 1, ArrowDown: 1, PageDown: 1, " ": 1, ArrowLeft: -1, ArrowUp: -1, PageUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    slides[Math.max(0, Math.min(slides.length - 1, here() + step))].scrollIntoView();
  });
})();
