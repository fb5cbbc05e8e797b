// Code that is wider than its place scrolls: then it can be reached by Tab, and moved by the arrow keys.
(function () {
  "use strict";
  const mark = () => document.querySelectorAll("pre").forEach((block) => {
    if (block.scrollWidth > block.clientWidth || block.scrollHeight > block.clientHeight) block.tabIndex = 0;
    else if (!block.classList.contains("dfecs-commands")) block.removeAttribute("tabindex");
  });
  document.addEventListener("DOMContentLoaded", mark);
  window.addEventListener("resize", mark);
  document.addEventListener("toggle", mark, true); // what was folded away has a width now
})();
