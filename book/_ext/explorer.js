// A face that the reader moves by its units. No library, no network: the data stand in the page, just before this script.
(function () {
  "use strict";
  const root = document.currentScript.previousElementSibling.querySelector(".dfecs-explorer");
  root.classList.add("ex-ready");
  const data = JSON.parse(root.querySelector("script[type='application/json']").textContent);
  const find = (name) => root.querySelector(".ex-" + name);
  const calm = window.matchMedia("(prefers-reduced-motion: reduce)");
  const count = data.neutral.length / 2;
  const restX = data.neutral.slice(0, count), restY = data.neutral.slice(count);

  // set: which units; codes: percent of each; goal: the face that the codes are to tell, {label, motion, codes(setIndex)} or null.
  const state = { set: 0, codes: [], goal: null, mirror: false, arrows: true, beside: false, clip: 0, frame: 0, timer: 0, tween: 0 };
  const current = () => data.sets[state.set];

  function make(tag, attributes, parent, text) {
    const svg = ["g", "path", "line", "defs", "marker"].includes(tag);
    const element = svg ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) element.setAttribute(name, value);
    if (text !== undefined) element.textContent = text;
    if (parent) parent.append(element);
    return element;
  }

  // ---- motion ------------------------------------------------------------------------------------------------------
  function motionOf(set, codes) {
    const sum = set.offset.slice();
    set.units.forEach((unit, u) => {
      if (codes[u]) for (let j = 0; j < sum.length; j++) sum[j] += (codes[u] / 100) * unit[j];
    });
    return sum;
  }

  function mirrored(motion) {
    if (!state.mirror) return motion;
    const out = new Array(2 * count);
    data.mirror.forEach((other, k) => { out[k] = -motion[other]; out[count + k] = motion[count + other]; });
    return out;
  }

  // The codes of any motion in a set: least squares, one unit after another until nothing changes; no minus where the set has none.
  function encode(set, motion) {
    const left = motion.map((value, j) => value - set.offset[j]);
    const codes = set.units.map(() => 0);
    const size = set.units.map((unit) => unit.reduce((sum, value) => sum + value * value, 0));
    for (let sweep = 0, change = 1; sweep < 500 && change > 0.01; sweep++) {
      change = 0;
      set.units.forEach((unit, u) => {
        let along = 0;
        for (let j = 0; j < left.length; j++) along += unit[j] * left[j];
        const next = Math.min(100, Math.max(set.signed ? -100 : 0, codes[u] + (100 * along) / size[u]));
        const step = next - codes[u];
        if (!step) return;
        for (let j = 0; j < left.length; j++) left[j] -= (step / 100) * unit[j];
        codes[u] = next;
        change = Math.max(change, Math.abs(step));
      });
    }
    return codes.map((code) => Math.round(10 * code) / 10);
  }

  function explained(motion, guess) {
    const power = (values) => values.reduce((sum, value) => sum + value * value, 0);
    return 100 * (1 - power(motion.map((value, j) => value - guess[j])) / power(motion));
  }

  // ---- the face ----------------------------------------------------------------------------------------------------
  const svg = find("face").querySelector("svg");
  const box = svg.getAttribute("viewBox").split(" ").map(Number);
  svg.replaceChildren();
  const tip = make("marker", { id: root.id + "-tip", viewBox: "0 0 6 6", refX: 4, refY: 3, markerWidth: 4, markerHeight: 4, orient: "auto" }, make("defs", {}, svg));
  make("path", { d: "M0 0 6 3 0 6z", class: "ex-tip" }, tip);
  const layer = (name) => {
    const group = make("g", { class: "ex-" + name }, svg);
    return data.lines.map(() => make("path", {}, group));
  };
  const rest = layer("rest"), goal = layer("goal"), moved = layer("moved");
  const arrowGroup = make("g", { class: "ex-arrows" }, svg);
  const arrows = restX.map(() => make("line", { "marker-end": `url(#${root.id}-tip)` }, arrowGroup));

  function trace(paths, motion) {
    data.lines.forEach((line, i) => {
      const points = motion && line.map((k) => `${(restX[k] + motion[k]).toFixed(1)} ${(restY[k] + motion[count + k]).toFixed(1)}`);
      paths[i].setAttribute("d", points ? "M" + points.join("L") : "");
    });
  }
  trace(rest, new Array(2 * count).fill(0));

  function draw() {
    const beside = state.beside && state.goal;
    const motion = mirrored(motionOf(current(), state.codes));
    svg.setAttribute("viewBox", beside ? [box[0] - box[2], box[1], 2 * box[2], box[3]].join(" ") : box.join(" "));
    goal[0].parentNode.setAttribute("transform", beside ? `translate(${-box[2]} 0)` : "");
    goal[0].parentNode.classList.toggle("ex-solid", Boolean(beside));
    trace(moved, motion);
    trace(goal, state.goal && mirrored(state.goal.motion));
    arrows.forEach((line, k) => {
      const far = state.arrows && Math.hypot(motion[k], motion[count + k]) > 9;
      line.style.display = far ? "" : "none";
      if (!far) return;
      line.setAttribute("x1", restX[k]); line.setAttribute("x2", (restX[k] + motion[k]).toFixed(1));
      line.setAttribute("y1", restY[k]); line.setAttribute("y2", (restY[k] + motion[count + k]).toFixed(1));
    });
    find("labels").replaceChildren(...(beside ? [state.goal.from, current().name + " units"] : []).map((text) => make("span", {}, null, text)));
    sliders.forEach((slider, u) => slider.show(state.codes[u]));
    find("said").textContent = say();
  }

  function say() {
    const set = current(), shown = state.codes.map((code) => Math.round(code)), minus = shown.filter((code) => code < 0).length;
    const active = shown.filter((code) => code).length;  // as the sliders show them
    let words = `${active} of ${set.units.length} ${set.name} units at work`;
    if (set.signed && active) words += `, ${minus} of them subtracted`;
    if (!active) words = set.offset.some((value) => Math.abs(value) > 1) ? `No ${set.name} unit at work: the average face` : "The face at rest";
    if (!state.goal) return words + ".";
    const share = explained(state.goal.motion, motionOf(set, state.codes));
    return `${state.goal.label}: ${words}; ${Number.isFinite(share) ? Math.round(share) + " % of its motion explained" : "nothing moves"}.`;
  }

  // Told to screen readers at the end of an action only; a slider tells its own value.
  function tell() {
    find("live").textContent = find("said").textContent;
    svg.setAttribute("aria-label", "A drawn face. " + find("said").textContent);
  }

  function glide(codes) {
    cancelAnimationFrame(state.tween);
    const from = state.codes.length === codes.length ? state.codes.slice() : codes.map(() => 0);
    if (calm.matches || document.hidden) { state.codes = codes.slice(); draw(); tell(); return; }
    const began = performance.now();
    const step = (now) => {
      const t = Math.min(1, Math.max(0, (now - began) / 300)), eased = t * t * (3 - 2 * t);
      state.codes = t < 1 ? codes.map((code, u) => from[u] + eased * (code - from[u])) : codes.slice();
      draw();
      if (t < 1) state.tween = requestAnimationFrame(step); else tell();
    };
    state.tween = requestAnimationFrame(step);
  }

  // ---- sliders -----------------------------------------------------------------------------------------------------
  let sliders = [];
  function build() {
    const set = current(), low = set.signed ? -100 : 0;
    root.dataset.set = set.name;
    root.classList.toggle("ex-signed", set.signed);
    find("about").textContent = set.about;
    const panel = find("sliders");
    panel.replaceChildren();
    panel.scrollTop = 0;
    panel.setAttribute("aria-label", set.name + " units");
    sliders = set.names.map((name, u) => {
      const words = /^\d+$/.test(name) ? (set.signed ? "PC " : "Unit ") + name : name;
      const line = make("div", { class: "ex-row" }, panel), row = make("label", {}, line);
      const near = set.nearest && set.nearest[u] ? `nearest ${set.nearest[u].replace("(", "by cosine (")}` : "";
      make("span", { class: "ex-name" }, row, words);
      const input = make("input", { type: "range", min: low, max: 100, step: 1, value: 0, "aria-label": set.hints[u] ? `${words}, ${set.hints[u]}` : words }, row);
      const output = make("span", { class: "ex-value", "aria-hidden": "true" }, row);
      const told = [set.hints[u], near].filter(Boolean).join("; ");
      if (told) make("small", {}, row, told);
      const loop = make("button", { type: "button", class: "ex-loop", "aria-label": `Move ${words} there and back` }, line, "▶");
      loop.addEventListener("click", () => swing(u));
      const put = (value) => {
        halt();
        state.goal = null;
        state.codes[u] = value;
        draw();
        svg.setAttribute("aria-label", "A drawn face. " + find("said").textContent);
      };
      input.addEventListener("input", () => put(Number(input.value)));
      input.addEventListener("dblclick", () => put(0));
      input.addEventListener("keydown", (event) => { if (event.key === "0" || event.key === "Delete") { event.preventDefault(); put(0); } });
      const show = (code) => {
        const whole = Math.round(code), at = (x) => `${(100 * (x - low)) / (100 - low)}%`;
        if (Number(input.value) !== whole) input.value = whole;
        output.textContent = `${whole < 0 ? "−" + -whole : whole} %`;
        input.setAttribute("aria-valuetext", `${whole < 0 ? "minus " : ""}${Math.abs(whole)} percent`);
        input.style.setProperty("--from", at(Math.min(0, Math.max(code, low))));
        input.style.setProperty("--to", at(Math.max(0, Math.min(code, 100))));
        row.classList.toggle("ex-minus", whole < 0);
        row.classList.toggle("ex-zero", !whole);
      };
      return { show };
    });
  }

  // One unit alone goes there and back, twice; for readers who want less motion, it goes there and stays.
  function swing(u) {
    halt();
    state.goal = null;
    const alone = (value) => { state.codes = current().names.map((_, k) => (k === u ? value : 0)); draw(); };
    if (calm.matches) { alone(100); tell(); return; }
    find("live").textContent = "One unit moves there and back.";
    const began = performance.now();
    const step = (now) => {
      const t = Math.max(0, now - began) / 1600;
      alone(t < 2 ? 50 * (1 - Math.cos(2 * Math.PI * t)) : 0);
      if (t < 2) state.tween = requestAnimationFrame(step); else tell();
    };
    state.tween = requestAnimationFrame(step);
  }

  // ---- what the reader can do --------------------------------------------------------------------------------------
  function group(parent, label, shown) {
    const box = make("div", { role: "group", "aria-label": label, class: "ex-group" }, parent);
    if (shown) make("span", { class: "ex-word", "aria-hidden": "true" }, box, shown);
    return box;
  }
  function button(parent, text, act, pressed) {
    const b = make("button", { type: "button" }, parent, text);
    if (pressed !== undefined) b.setAttribute("aria-pressed", String(pressed));
    b.addEventListener("click", () => act(b));
    return b;
  }
  const press = (b, on) => b.setAttribute("aria-pressed", String(on));

  function aim(goal, beside) {
    halt();
    state.goal = goal;
    state.beside = beside;
    press(besideButton, beside);
    glide(goal.codes(state.set));
  }
  function choose(index) {
    const motion = motionOf(current(), state.codes), active = state.codes.some((code) => code);
    if (!state.goal && active) state.goal = { label: "Your face", from: "yours", motion, codes: (i) => encode(data.sets[i], motion) };
    state.set = index;
    setButtons.forEach((b, i) => press(b, i === index));
    build();
    state.codes = state.goal ? state.goal.codes(index) : current().names.map(() => 0);
    draw();
    if (!state.timer) tell();
  }
  function frameGoal(clip, k) {
    return {
      label: `Frame ${clip.frames[k]} (${clip.about})`, from: "as tracked", motion: clip.motion[k],
      codes: (i) => { const known = data.sets[i].clips[data.clips.indexOf(clip)]; return known ? known[k] : encode(data.sets[i], clip.motion[k]); },
    };
  }
  function showFrame(k) {
    const clip = data.clips[state.clip];
    cancelAnimationFrame(state.tween);
    state.frame = k;
    state.goal = frameGoal(clip, k);
    state.codes = state.goal.codes(state.set).slice();
    scrub.value = k;
    scrub.setAttribute("aria-valuetext", `frame ${clip.frames[k]}`);
    draw();
  }
  function play() {
    const clip = data.clips[state.clip];
    play.button.textContent = "Pause";
    state.beside = true;
    press(besideButton, true);
    if (state.frame >= clip.frames.length - 1) state.frame = 0;
    showFrame(state.frame);
    // For readers who want less motion: a still every second.
    state.timer = setInterval(() => showFrame((state.frame + 1) % clip.frames.length), 1000 * (calm.matches ? 1 : clip.seconds));
    find("live").textContent = "Playing the clip.";
  }
  function halt() {
    cancelAnimationFrame(state.tween);
    clearInterval(state.timer);
    state.timer = 0;
    play.button.textContent = "Play clip";
  }

  const top = find("sets"), bar = find("bar");
  const setGroup = group(top, "Which units");
  const setButton = (set, i) => button(setGroup, set.name, () => choose(i), i === 0);
  const setButtons = data.sets.map(setButton);
  const tools = group(top, "Face");
  button(tools, "Reset", () => {
    halt();
    state.goal = null;
    state.mirror = false;
    press(mirrorButton, false);
    glide(current().names.map(() => 0));
  });
  const toggle = (parent, text, key) => button(parent, text, (b) => { state[key] = !state[key]; press(b, state[key]); draw(); tell(); }, state[key]);
  const mirrorButton = toggle(tools, "Mirror", "mirror");
  toggle(tools, "Arrows", "arrows");
  const besideButton = toggle(tools, "Side by side", "beside");

  const faces = group(bar, "Simulated expressions", "Simulated");
  data.presets.forEach((preset, p) => {
    const goal = { label: `${preset.name[0].toUpperCase()}${preset.name.slice(1)} (simulated)`, from: "simulated", motion: preset.motion, codes: (i) => (data.sets[i].presets.length ? data.sets[i].presets[p] : encode(data.sets[i], preset.motion)) };
    button(faces, preset.name, () => aim(goal, state.beside && !state.timer));
    if (preset.name === root.dataset.start) state.goal = goal;
  });
  const player = group(find("player"), "Recorded clips");
  play.button = button(player, "Play clip", () => { if (state.timer) { halt(); tell(); } else play(); });
  const scrub = make("input", { type: "range", min: 0, step: 1, value: 0, class: "ex-scrub", "aria-label": "Frame of the clip" }, player);
  scrub.addEventListener("input", () => { halt(); showFrame(Number(scrub.value)); });
  const moments = make("span", { class: "ex-group" });
  const load = (index) => {
    halt();
    state.clip = index;
    state.frame = 0;
    scrub.max = data.clips[index].frames.length - 1;
    scrub.value = 0;
    scrub.setAttribute("aria-valuetext", `frame ${data.clips[index].frames[0]}`);
    moments.replaceChildren();
    for (const k of data.clips[index].moments) {
      button(moments, `frame ${data.clips[index].frames[k]}`, () => { state.frame = k; scrub.value = k; aim(frameGoal(data.clips[state.clip], k), true); });
    }
  };
  let choice = null;
  if (data.clips.length > 1) {
    choice = make("select", { "aria-label": "Clip" }, player);
    data.clips.forEach((clip, i) => make("option", { value: i }, choice, clip.about));
    choice.addEventListener("change", () => { const on = state.timer; load(Number(choice.value)); if (on) play(); else showFrame(0); });
  }
  player.append(moments);
  load(0);

  // ---- the reader's own units and codes: read here, sent nowhere ---------------------------------------------------
  async function inflated(bytes) {
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  }
  // Members of a .npz, which is a zip: its list stands at the end.
  async function membersOf(buffer) {
    const view = new DataView(buffer), out = {};
    let end = buffer.byteLength - 22;
    while (end >= 0 && view.getUint32(end, true) !== 0x06054b50) end--;
    if (end < 0) throw new Error("it is no .npz file");
    let at = view.getUint32(end + 16, true);
    for (let n = view.getUint16(end + 10, true); n > 0; n--) {
      const method = view.getUint16(at + 10, true), size = view.getUint32(at + 20, true), length = view.getUint16(at + 28, true);
      const place = view.getUint32(at + 42, true), name = new TextDecoder().decode(new Uint8Array(buffer, at + 46, length));
      const from = place + 30 + view.getUint16(place + 26, true) + view.getUint16(place + 28, true);
      const packed = new Uint8Array(buffer, from, size);
      if (["components_.npy", "header_json.npy"].includes(name)) out[name] = method ? await inflated(packed) : packed.slice();
      at += 46 + length + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
    }
    return out;
  }
  function arrayOf(bytes) {
    const text = new TextDecoder("latin1").decode(bytes.subarray(10, 10 + bytes[8] + 256 * bytes[9])), start = 10 + bytes[8] + 256 * bytes[9];
    const kind = /'descr': '([^']+)'/.exec(text)[1], shape = (/'shape': \(([^)]*)\)/.exec(text)[1].match(/\d+/g) || []).map(Number);
    const body = bytes.slice(start).buffer;
    if (kind.startsWith("<U")) return Array.from(new Uint32Array(body), (code) => (code ? String.fromCodePoint(code) : "")).join("");
    if (kind !== "<f8" && kind !== "<f4") throw new Error(`it holds ${kind}, not numbers`);
    if (/'fortran_order': True/.test(text)) throw new Error("its units stand column by column");
    const values = kind === "<f8" ? new Float64Array(body) : new Float32Array(body), width = shape[1];
    return Array.from({ length: shape[0] }, (_, r) => Array.from(values.subarray(r * width, (r + 1) * width)));
  }
  function inScheme(unit) {
    const theirs = Object.values(data.schemes).find((points) => 2 * points.length === unit.length);
    if (!theirs) throw new Error(`its units have ${unit.length / 2} points; 68, 66 or 49 can be drawn here`);
    const ours = data.schemes[data.scheme], out = new Array(2 * count).fill(0);
    ours.forEach((point, k) => {
      const j = theirs.indexOf(point);
      if (j >= 0) { out[k] = unit[j]; out[count + k] = unit[theirs.length + j]; }
    });
    return out;
  }
  function rowsOf(text) {
    const lines = text.split(/\r?\n/).filter((line) => line.trim());
    const separator = [",", ";", "\t"].find((one) => lines[0].includes(one)) || ",";
    const head = lines[0].split(separator).map((word) => word.replace(/^"|"$/g, "").trim());
    const first = head.indexOf("frame");
    if (first < 0) throw new Error("it has no column 'frame'; take the table that dfecs encode writes");
    const from = head[first + 1] === "time" ? first + 2 : first + 1;
    const rows = lines.slice(1).map((line) => line.split(separator));
    const names = head.slice(from).filter((name) => !/^AU\d+_[rc]$/.test(name));
    return { names, rows: rows.map((row) => ({ frame: Number(row[first]), codes: names.map((_, k) => (row[from + k] || "").trim() === "" ? NaN : Number(row[from + k])) })) };
  }
  if (data.schemes && !root.classList.contains("compact")) {
    const box = make("details", { class: "ex-own" }, find("player"));
    make("summary", {}, box, "See your own units and codes move");
    make("p", {}, box, "The files are read in this page; nothing is sent anywhere. Units: a model file of dfecs train. Codes: the CSV table of dfecs encode with the same units.");
    const field = (words, accept) => {
      const label = make("label", {}, box, words);
      return make("input", { type: "file", accept }, label);
    };
    const unitsFile = field("Units (.npz) ", ".npz"), codesFile = field("Codes (.csv) ", ".csv");
    const answer = make("p", { class: "ex-answer", role: "status" }, box);
    let own = null;
    unitsFile.addEventListener("change", async () => {
      if (!unitsFile.files.length) return;
      try {
        const found = await membersOf(await unitsFile.files[0].arrayBuffer());
        if (!found["components_.npy"]) throw new Error("there are no units in it; take a file that dfecs train wrote");
        own = arrayOf(found["components_.npy"]).map(inScheme);
        const far = own.map((unit) => Math.max(1e-9, ...unit.slice(0, count).map((x, k) => Math.hypot(x, unit[count + k]))));
        show(own.map((_, u) => 40 / far[u]), own.map((_, u) => `${u + 1}`));
        answer.textContent = `${own.length} units read. Pull a slider, or load the codes.`;
      } catch (error) { answer.textContent = `These units could not be read: ${error.message}.`; }
    });
    codesFile.addEventListener("change", async () => {
      if (!codesFile.files.length) return;
      try {
        if (!own) throw new Error("load the units first, for codes say nothing without them");
        const table = rowsOf(await codesFile.files[0].text());
        if (table.names.length !== own.length) throw new Error(`it has ${table.names.length} codes a frame and the units are ${own.length}`);
        const seen = table.rows.filter((row) => row.codes.every(Number.isFinite)).slice(0, 1500);
        if (!seen.length) throw new Error("no frame has a code for every unit");
        const full = own.map((_, u) => Math.max(1e-6, ...seen.map((row) => Math.abs(row.codes[u]))));
        const set = show(full, table.names);
        const codes = seen.map((row) => row.codes.map((code, u) => (100 * code) / full[u]));
        const motion = codes.map((row) => motionOf(set, row));
        const size = motion.map((one) => one.reduce((sum, x) => sum + x * x, 0));
        const clip = { about: "your recording, as its codes tell it", seconds: 1 / 15, frames: seen.map((row) => row.frame), motion, moments: [size.indexOf(Math.max(...size))] };
        data.clips = data.clips.filter((one) => one.about !== clip.about).concat(clip);
        set.clips = data.clips.map((one) => (one === clip ? codes : null));
        if (choice) {
          choice.replaceChildren();
          data.clips.forEach((one, i) => make("option", { value: i }, choice, one.about));
          choice.value = data.clips.length - 1;
        }
        load(data.clips.length - 1);
        showFrame(0);
        answer.textContent = `${seen.length} frames read${table.rows.length > seen.length ? ` of ${table.rows.length}` : ""}. Press Play clip.`;
      } catch (error) { answer.textContent = `These codes could not be read: ${error.message}.`; }
    });
    function show(full, names) {
      const units = own.map((unit, u) => unit.map((x) => x * full[u]));
      const set = { name: "Yours", about: "Your own units, from a file on your machine. A slider's end is the largest code of your recording, or 40 px.", signed: false,
        names, hints: names.map(() => ""), nearest: names.map(() => ""), units, offset: new Array(2 * count).fill(0), presets: [], clips: [] };
      const index = data.sets.findIndex((one) => one.name === "Yours");
      if (index < 0) { data.sets.push(set); setButtons.push(setButton(set, data.sets.length - 1)); } else data.sets[index] = set;
      state.goal = null;
      state.codes = names.map(() => 0);
      halt();
      choose(index < 0 ? data.sets.length - 1 : index);
      return set;
    }
  }

  build();
  state.codes = state.goal ? state.goal.codes(0).slice() : current().names.map(() => 0);
  draw();
  svg.setAttribute("aria-label", "A drawn face. " + find("said").textContent);
})();
