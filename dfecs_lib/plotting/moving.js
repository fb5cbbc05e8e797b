// Faces that move when they are asked to: by pointer, finger or keyboard, and never by themselves.
(function () {
  "use strict";
  const CYCLE = 1600, CYCLES = 3; // milliseconds from rest to rest; pressed, a face moves for less than five seconds
  const page = (window.dfecsMoving = window.dfecsMoving || { running: new Map() });
  const calm = window.matchMedia("(prefers-reduced-motion: reduce)");
  const numbers = (d) => d.match(/-?\d+/g).map(Number);

  function start(item, cycles) {
    stop(item);
    const face = item.querySelector(".dfecs-moved"), full = face.getAttribute("d");
    const from = numbers(item.querySelector(".dfecs-rest").getAttribute("d")), to = numbers(full);
    const entry = { full, face, timer: 0 };
    const begun = performance.now();
    const step = (now) => {
      const time = Math.max(0, now - begun) / CYCLE;
      if (time >= cycles) return stop(item);
      const share = (1 - Math.cos(2 * Math.PI * time)) / 2;
      let k = 0;
      face.setAttribute("d", full.replace(/-?\d+/g, () => {
        const value = from[k] + share * (to[k] - from[k]);
        k += 1;
        return Math.round(value);
      }));
      entry.timer = requestAnimationFrame(step);
    };
    page.running.set(item, entry);
    item.classList.add("dfecs-plays");
    item.querySelector("button").setAttribute("aria-pressed", "true");
    // Who wants no motion sees the face at rest until the button is pressed again.
    if (calm.matches) face.setAttribute("d", item.querySelector(".dfecs-rest").getAttribute("d"));
    else entry.timer = requestAnimationFrame(step);
  }

  function stop(item) {
    const entry = page.running.get(item);
    if (!entry) return;
    cancelAnimationFrame(entry.timer);
    entry.face.setAttribute("d", entry.full);
    page.running.delete(item);
    item.classList.remove("dfecs-plays");
    item.querySelector("button").setAttribute("aria-pressed", "false");
  }

  document.querySelectorAll(".dfecs-moving button[hidden]").forEach((button) => { button.hidden = false; });
  if (page.listens) return;
  page.listens = true;
  const itemOf = (event) => event.target.closest && event.target.closest(".dfecs-moving");
  document.addEventListener("click", (event) => {
    const item = itemOf(event);
    if (!item) return;
    // A face that moves because the pointer is on it goes on when it is pressed; a pressed one stops.
    const pressed = page.running.has(item) && !item.dfecsHovered;
    item.dfecsHovered = false;
    if (pressed) stop(item); else start(item, CYCLES);
  });
  document.addEventListener("pointerover", (event) => {
    const item = itemOf(event);
    if (!item || calm.matches || event.pointerType !== "mouse" || page.running.has(item)) return;
    item.dfecsHovered = true;
    start(item, Infinity);
  });
  document.addEventListener("pointerout", (event) => {
    const item = itemOf(event);
    if (!item || !item.dfecsHovered || item.contains(event.relatedTarget)) return;
    item.dfecsHovered = false;
    stop(item);
  });
})();
