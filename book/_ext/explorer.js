// A face that the reader moves by its units. No library, no network: the data stand in the page.
(function () {
  "use strict";
  const SVG = "http://www.w3.org/2000/svg";
  const make = (tag, attributes, parent) => {
    const element = tag.startsWith("svg:")
      ? document.createElementNS(SVG, tag.slice(4))
      : document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) {
      if (name === "text") element.textContent = value;
      else element.setAttribute(name, value);
    }
    if (parent) parent.append(element);
    return element;
  };

  function start(root) {
    const data = JSON.parse(root.querySelector("script[type='application/json']").textContent);
    const count = data.neutral.length / 2;
    const prefix = root.id;
    const state = { set: Object.keys(data.sets)[0], codes: [], mirror: false, arrows: true, frame: -1, timer: 0 };

    // The face.
    const xs = data.neutral.slice(0, count), ys = data.neutral.slice(count);
    const pad = 90;
    const box = [Math.min(...xs) - pad, Math.min(...ys) - pad];
    box.push(Math.max(...xs) + pad - box[0], Math.max(...ys) + pad - box[1]);
    const face = root.querySelector(".dfecs-explorer-face");
    const svg = make("svg:svg", { viewBox: box.join(" "), role: "img", "aria-label": "The face at rest." }, face);
    const head = make("svg:marker", { id: prefix + "-tip", viewBox: "0 0 6 6", refX: 4, refY: 3, markerWidth: 5,
      markerHeight: 5, orient: "auto-start-reverse", markerUnits: "strokeWidth" }, make("svg:defs", {}, svg));
    make("svg:path", { d: "M0 0 6 3 0 6z", fill: "#2b83ba" }, head);
    const layer = (name) => make("svg:path", { class: "dfecs-" + name, fill: "none" }, svg);
    const rest = layer("rest"), recorded = layer("recorded"), moved = layer("moved");
    const arrows = make("svg:g", { class: "dfecs-arrows" }, svg);
    const lines = [];
    for (let k = 0; k < count; k++) lines.push(make("svg:line", { "marker-end": `url(#${prefix}-tip)` }, arrows));

    const path = (x, y) => data.lines
      .map((line) => "M" + line.map((k) => x[k].toFixed(1) + " " + y[k].toFixed(1)).join("L")).join("");
    rest.setAttribute("d", path(xs, ys));

    const motion = () => {
      const set = data.sets[state.set];
      const sum = new Array(2 * count).fill(0);
      const still = state.codes.every((code) => code === 0);
      // A mean that a method always adds (PCA's) is not shown on a face at rest.
      if (!still) set.offset.forEach((value, j) => { sum[j] += value; });
      set.units.forEach((unit, u) => {
        if (state.codes[u]) unit.forEach((value, j) => { sum[j] += state.codes[u] * value / 100; });
      });
      return state.mirror ? mirrored(sum) : sum;
    };
    const mirrored = (m) => {
      const out = new Array(2 * count);
      data.mirror.forEach((other, k) => { out[k] = -m[other]; out[count + k] = m[count + other]; });
      return out;
    };
    const place = (m) => [xs.map((x, k) => x + m[k]), ys.map((y, k) => y + m[count + k])];

    const status = root.querySelector(".dfecs-explorer-status");
    function draw() {
      const m = motion(), [x, y] = place(m);
      moved.setAttribute("d", path(x, y));
      recorded.setAttribute("d", "");
      if (state.frame >= 0) {
        const seen = state.mirror ? mirrored(data.clip[state.frame]) : data.clip[state.frame];
        recorded.setAttribute("d", path(...place(seen)));
      }
      lines.forEach((line, k) => {
        const far = state.arrows && Math.hypot(m[k], m[count + k]) > 6;
        line.style.display = far ? "" : "none";
        if (!far) return;
        line.setAttribute("x1", xs[k]); line.setAttribute("y1", ys[k]);
        line.setAttribute("x2", x[k]); line.setAttribute("y2", y[k]);
      });
      const active = state.codes.filter((code) => Math.abs(code) > 1e-9).length;
      const words = active ? `${active} of ${state.codes.length} ${state.set} units at work` : "The face at rest";
      status.textContent = words + (state.frame >= 0 ? `, frame ${state.frame + 1} of ${data.clip.length}` : "") + ".";
      svg.setAttribute("aria-label", status.textContent);
    }

    // Sliders.
    const panel = root.querySelector(".dfecs-explorer-sliders");
    let sliders = [];
    function show() {
      sliders.forEach(([input, output], u) => {
        input.value = state.codes[u];
        output.textContent = Math.round(state.codes[u]);
      });
      draw();
    }
    function build() {
      const set = data.sets[state.set];
      panel.replaceChildren();
      sliders = set.names.map((name, u) => {
        const label = make("label", {}, panel);
        make("span", { text: /^\d+$/.test(name) ? "unit " + name : name }, label);
        const input = make("input", { type: "range", min: set.low[u], max: set.high[u], step: "any", value: 0 }, label);
        const output = make("output", { text: "0" }, label);
        input.addEventListener("input", () => {
          stop();
          state.frame = -1;
          state.codes[u] = Math.abs(Number(input.value)) < 0.015 * set.high[u] ? 0 : Number(input.value);
          output.textContent = Math.round(state.codes[u]);
          draw();
        });
        input.addEventListener("dblclick", () => { input.value = 0; input.dispatchEvent(new Event("input")); });
        return [input, output];
      });
    }
    const codes = (values) => { state.codes = values.slice(); show(); };
    const none = () => data.sets[state.set].names.map(() => 0);

    // Buttons.
    const bar = root.querySelector(".dfecs-explorer-bar");
    const button = (text, act, parent, pressed) => {
      const b = make("button", { type: "button", text }, parent || bar);
      if (pressed !== undefined) b.setAttribute("aria-pressed", String(pressed));
      b.addEventListener("click", () => act(b));
      return b;
    };
    const group = (label) => make("div", { role: "group", "aria-label": label, class: "dfecs-explorer-group" }, bar);
    const setButtons = group("Which units");
    let preset = "";
    for (const name of Object.keys(data.sets)) {
      button(name, () => {
        stop();
        state.set = name;
        setButtons.querySelectorAll("button").forEach((b) => b.setAttribute("aria-pressed", String(b.textContent === name)));
        build();
        const set = data.sets[name];
        codes(state.frame >= 0 ? set.clip[state.frame] : preset ? set.presets[preset] : none());
      }, setButtons, name === state.set);
    }
    const presets = group("Expressions");
    for (const name of data.presets) {
      button(name, () => { stop(); state.frame = -1; preset = name; codes(data.sets[state.set].presets[name]); }, presets);
    }
    const tools = group("Tools");
    button("Reset", () => { stop(); state.frame = -1; preset = ""; codes(none()); }, tools);
    const toggle = (name, key) => button(name, (b) => {
      state[key] = !state[key];
      b.setAttribute("aria-pressed", String(state[key]));
      draw();
    }, tools, state[key]);
    toggle("Mirror", "mirror");
    toggle("Arrows", "arrows");
    const play = button("Play a real clip", () => (state.timer ? stop() : run()), tools, false);

    function frame(k) { state.frame = k; preset = ""; codes(data.sets[state.set].clip[k]); }
    function run() {
      play.setAttribute("aria-pressed", "true");
      play.textContent = "Stop";
      let next = 0;
      frame(next);
      state.timer = setInterval(() => { next = (next + 1) % data.clip.length; frame(next); }, 60);
    }
    function stop() {
      if (!state.timer) return;
      clearInterval(state.timer);
      state.timer = 0;
      play.setAttribute("aria-pressed", "false");
      play.textContent = "Play a real clip";
    }

    build();
    const first = root.dataset.start;
    if (first && data.presets.includes(first)) { preset = first; codes(data.sets[state.set].presets[first]); }
    else codes(none());
    root.classList.add("ready");
  }

  const all = () => document.querySelectorAll(".dfecs-explorer:not(.ready)").forEach(start);
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", all);
  else all();
})();
