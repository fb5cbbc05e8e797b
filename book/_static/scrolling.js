// What is wider than its place scrolls, code and formulas: then it can be reached by Tab, and moved by the arrow keys.
(function () {
  "use strict";
  const mark = () => document.querySelectorAll("pre, mjx-container").forEach((block) => {
    const scrolls = getComputedStyle(block).overflowX === "auto" && block.scrollWidth > block.clientWidth + 1;
    if (scrolls) block.tabIndex = 0;
    else if (!block.classList.contains("dfecs-commands")) block.removeAttribute("tabindex");
  });
  const drawn = () => {
    mark();
    // Formulas are drawn after the page is there.
    if (window.MathJax && window.MathJax.startup && window.MathJax.startup.promise) window.MathJax.startup.promise.then(mark);
  };
  document.addEventListener("DOMContentLoaded", mark);
  window.addEventListener("load", drawn);
  window.addEventListener("resize", mark);
  document.addEventListener("toggle", mark, true); // what was folded away has a width now
})();
