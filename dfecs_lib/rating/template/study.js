"use strict";
(() => {
  const study = JSON.parse(document.getElementById("study").textContent);
  const $ = (id) => document.getElementById(id);
  const svg = (name, attributes) => {
    const node = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes || {})) node.setAttribute(key, value);
    return node;
  };
  const trials = new Map(study.trials.map((t) => [t.id, t]));
  const present = new Set(study.present);
  const WORDS = ["not at all", "hardly", "partly", "mostly", "entirely"];
  const still = window.matchMedia("(prefers-reduced-motion: reduce)");

  // ---- answers, kept in the browser ------------------------------------------------------------------------------
  const key = (rater) => `dfecs-rating:${study.id}:${rater}`;
  let state = null; // {rater, order, at, answers: {trial: {against, none, rating, comment, seconds, seen}}}

  function warn(text) { $("warning").textContent = text; $("warning").hidden = !text; }

  function keep() {
    try {
      localStorage.setItem(key(state.rater), JSON.stringify(state));
      localStorage.setItem(`dfecs-rating:${study.id}`, state.rater);
      warn("");
    } catch (error) {
      warn("This browser does not keep your answers. Do not close the page before you have saved them to a file.");
    }
  }

  function recall(rater) {
    try { return JSON.parse(localStorage.getItem(key(rater))); } catch (error) { return null; }
  }

  function lastRater() {
    try { return localStorage.getItem(`dfecs-rating:${study.id}`); } catch (error) { return null; }
  }

  // ---- an order of its own for every rater -----------------------------------------------------------------------
  function generator(text) { // FNV-1a, then mulberry32
    let h = 2166136261;
    for (const c of text) { h ^= c.codePointAt(0); h = Math.imul(h, 16777619); }
    return () => {
      h = (h + 0x6d2b79f5) | 0;
      let t = Math.imul(h ^ (h >>> 15), 1 | h);
      t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
      return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    };
  }

  function shuffled(list, random) {
    const out = list.slice();
    for (let i = out.length - 1; i > 0; i--) {
      const j = Math.floor(random() * (i + 1));
      [out[i], out[j]] = [out[j], out[i]];
    }
    return out;
  }

  function orderFor(rater) {
    const random = generator(`${study.id}|${study.seed}|${rater}`);
    const order = shuffled(study.trials.filter((t) => t.kind !== "repeat").map((t) => t.id), random);
    for (const t of shuffled(study.trials.filter((t) => t.kind === "repeat"), random)) {
      // A repeat comes late enough not to be remembered: three other movements at least lie between.
      const earliest = Math.min(order.indexOf(t.of) + 4, order.length);
      order.splice(earliest + Math.floor(random() * (order.length - earliest + 1)), 0, t.id);
    }
    return order;
  }

  // ---- the face --------------------------------------------------------------------------------------------------
  const rest = study.neutral;
  const lines = study.contours.map((line) => line.filter((k) => present.has(k))).filter((line) => line.length > 1);
  const shown = study.present.map((k) => rest[k]);
  const bounds = (points, margin) => {
    const xs = points.map((p) => p[0]), ys = points.map((p) => p[1]);
    const x = Math.min(...xs) - margin, y = Math.min(...ys) - margin;
    return [x, y, Math.max(...xs) + margin - x, Math.max(...ys) + margin - y];
  };
  const d = (line, at) => "M" + line.map((k) => `${at[k][0].toFixed(1)} ${at[k][1].toFixed(1)}`).join("L");
  for (const line of lines) {
    $("rest").append(svg("path", { d: d(line, rest) }));
    $("moved").append(svg("path", { d: d(line, rest) }));
  }
  const views = [["all", "Whole face", bounds(shown, 90)]];
  for (const part of study.parts) {
    const points = part.points.filter((k) => present.has(k)).map((k) => rest[k]);
    if (points.length) views.push([part.key, part.name, bounds(points, 100)]);
  }
  for (const [value, text] of views) $("zoom").append(new Option(text, value));
  const look = () => {
    const box = views.find((v) => v[0] === $("zoom").value)[2];
    $("face").setAttribute("viewBox", box.map((v) => v.toFixed(1)).join(" "));
    // Dots keep their size on the screen when the view is closer.
    const scale = Math.min(1, box[3] / views[0][2][3] * 1.6);
    for (const c of $("points").querySelectorAll("circle")) c.setAttribute("r", (11 * scale).toFixed(1));
  };
  study.pulls.forEach((pulls, k) => {
    if (!present.has(k)) return;
    for (const [dx, dy] of pulls)
      $("muscles").append(svg("line", { x1: rest[k][0], y1: rest[k][1], x2: rest[k][0] + 34 * dx, y2: rest[k][1] + 34 * dy }));
  });

  const trial = () => trials.get(state.order[state.at]);
  const answer = () => {
    const id = state.order[state.at];
    if (!state.answers[id]) state.answers[id] = { against: [], none: false, rating: null, comment: "", seconds: 0 };
    return state.answers[id];
  };

  function towards(k, [dx, dy]) {
    const size = Math.hypot(dx, dy), words = [];
    if (dy < -0.38 * size) words.push("up");
    if (dy > 0.38 * size) words.push("down");
    if (Math.abs(dx) > 0.38 * size) {
      const side = rest[k][0] - (rest[27][0] || 700);
      words.push(Math.abs(side) < 8 ? (dx < 0 ? "to the person's right" : "to the person's left") : dx * side > 0 ? "outwards" : "inwards");
    }
    return words.join(" and ");
  }

  function describe(t) {
    const parts = [];
    for (const part of study.parts) {
      const moving = part.points.filter((k) => t.moving.includes(k));
      if (moving.length) parts.push(`${part.name.toLowerCase()}, ${moving.length} points, mostly ${common(moving.map((k) => towards(k, t.motion[k])))}`);
    }
    return `A drawn face. Moving: ${parts.join("; ") || "nothing"}.`;
  }

  function common(words) {
    const count = new Map();
    for (const w of words) count.set(w, (count.get(w) || 0) + 1);
    return [...count].sort((a, b) => b[1] - a[1])[0][0];
  }

  function move(amount) {
    const t = trial();
    const at = rest.map((p, k) => [p[0] + amount * t.motion[k][0], p[1] + amount * t.motion[k][1]]);
    lines.forEach((line, i) => $("moved").children[i].setAttribute("d", d(line, at)));
  }

  let playing = false, began = 0, ticket = 0;
  function frame(now) {
    if (!playing) return;
    const phase = ((now - began) % 2400) / 2400; // rest, go, stay, come back
    const go = phase < 0.15 ? 0 : phase < 0.5 ? (phase - 0.15) / 0.35 : phase < 0.75 ? 1 : 1 - (phase - 0.75) / 0.25;
    move((Number($("amount").value) / 100) * go * go * (3 - 2 * go));
    ticket = requestAnimationFrame(frame);
  }
  function play(on) {
    playing = on;
    cancelAnimationFrame(ticket);
    $("play").textContent = on ? "Pause" : "Play";
    $("play").setAttribute("aria-pressed", String(on));
    if (on) { began = performance.now(); ticket = requestAnimationFrame(frame); } else move(Number($("amount").value) / 100);
  }

  // ---- one movement ----------------------------------------------------------------------------------------------
  let since = 0;
  function clock() {
    if (state && state.at < state.order.length && !$("rate").hidden && since) {
      answer().seconds = Math.round(10 * (answer().seconds + (performance.now() - since) / 1000)) / 10;
    }
    since = performance.now();
  }

  function show() {
    const t = trial(), a = answer();
    $("rate-heading").textContent = `Movement ${state.at + 1} of ${state.order.length}`;
    $("progress").max = state.order.length;
    $("progress").value = state.order.filter((id) => complete(state.answers[id])).length;
    $("progress").textContent = `${$("progress").value} of ${state.order.length}`;
    $("face-title").textContent = describe(t);
    $("arrows").replaceChildren();
    $("points").replaceChildren();
    $("checks").replaceChildren();
    $("moving-count").textContent = t.moving.length;
    for (const part of study.parts) {
      const moving = part.points.filter((k) => t.moving.includes(k));
      if (!moving.length) continue;
      const heading = document.createElement("h3");
      heading.textContent = part.name;
      $("checks").append(heading);
      for (const k of moving) {
        const [x, y] = rest[k], [dx, dy] = t.motion[k], size = Math.hypot(dx, dy);
        const tip = Math.max(1, 26 / size); // a short arrow still shows its direction
        $("arrows").append(svg("line", { x1: x, y1: y, x2: x + tip * dx, y2: y + tip * dy, "marker-end": "url(#head)" }));
        const g = svg("g", { "data-point": k });
        g.append(svg("circle", { cx: x, cy: y, r: 11 }), svg("path", { d: `M${x - 15} ${y - 15}l30 30m0 -30l-30 30` }));
        $("points").append(g);
        const label = document.createElement("label"), box = document.createElement("input"), text = document.createElement("span");
        box.type = "checkbox"; box.value = k; box.id = `point-${k}`;
        box.addEventListener("change", () => toggle(k, box.checked));
        box.addEventListener("focus", () => g.classList.add("here"));
        box.addEventListener("blur", () => g.classList.remove("here"));
        text.textContent = `${study.names[k]}: ${towards(k, t.motion[k])}`;
        label.append(box, text);
        $("checks").append(label);
      }
    }
    $("comment").value = a.comment;
    $("missing").textContent = "";
    $("back").disabled = state.at === 0;
    $("next").textContent = state.at + 1 === state.order.length ? "Finish" : "Next";
    mark();
    look();
    play(!still.matches);
    since = performance.now();
  }

  function mark() {
    const a = answer();
    for (const g of $("points").children) g.classList.toggle("against", a.against.includes(Number(g.dataset.point)));
    for (const box of $("checks").querySelectorAll("input")) box.checked = a.against.includes(Number(box.value));
    $("none").checked = a.none;
    for (const radio of document.querySelectorAll("[name=rating]")) radio.checked = Number(radio.value) === a.rating;
    $("chosen").textContent = a.against.length ? `Chosen: ${a.against.map((k) => study.names[k]).join("; ")}` : "";
  }

  function toggle(k, on) {
    const a = answer();
    if (on === undefined) on = !a.against.includes(k);
    a.against = a.against.filter((p) => p !== k).concat(on ? [k] : []).sort((p, q) => p - q);
    if (on) a.none = false;
    $("live").textContent = `${study.names[k]} ${on ? "chosen" : "no longer chosen"}`;
    mark(); clock(); keep();
  }

  function none(on) {
    const a = answer();
    a.none = on;
    if (on) a.against = [];
    mark(); clock(); keep();
  }

  function rate(value) { answer().rating = value; mark(); clock(); keep(); $("missing").textContent = ""; }

  const complete = (a) => Boolean(a && a.rating && (a.none || a.against.length));

  function go(step) {
    clock();
    state.at = Math.max(0, state.at + step);
    keep();
    if (state.at >= state.order.length) return finish();
    show();
    $("rate-heading").focus({ preventScroll: true });
    window.scrollTo(0, 0);
  }

  function next() {
    const a = answer(), lacking = [];
    if (!a.none && !a.against.length) lacking.push("choose the points that move against every muscle, or tick “None”");
    if (!a.rating) lacking.push("give a rating from 1 to 5");
    $("missing").textContent = "";
    if (lacking.length) { $("missing").textContent = `Please ${lacking.join(", and ")}.`; return; }
    go(1);
  }

  function screen(id) {
    for (const main of ["start", "rate", "done"]) $(main).hidden = main !== id;
    $("save-now").hidden = $("switch").hidden = id !== "rate";
  }

  function stop() { playing = false; cancelAnimationFrame(ticket); }

  function finish() {
    stop();
    const open = state.order.findIndex((id) => !complete(state.answers[id]));
    if (open >= 0) { state.at = open; screen("rate"); return show(); }
    screen("done");
    $("done-text").textContent = `All ${state.order.length} movements are answered, under the code ${state.rater}.`;
    $("done-heading").focus();
  }

  function begin(rater) {
    state = recall(rater);
    if (!state || !Array.isArray(state.order) || state.order.some((id) => !trials.has(id)))
      state = { rater, order: orderFor(rater), at: 0, answers: {} };
    keep();
    if (state.at >= state.order.length) { state.at = state.order.length - 1; screen("rate"); show(); return finish(); }
    screen("rate");
    show();
    $("rate-heading").focus({ preventScroll: true });
  }

  // ---- out of the browser ----------------------------------------------------------------------------------------
  const COLUMNS = ["study", "rater", "simulated", "seed", "guide", "position", "trial", "kind", "unit", "sign", "of", "expect",
    "wrong", "moving", "against", "none", "rating", "comment", "seconds"];
  function rows() {
    return state.order.map((id, i) => [trials.get(id), state.answers[id], i]).filter(([, a]) => complete(a)).map(([t, a, i]) => ({
      study: study.id, rater: state.rater, simulated: false, seed: study.seed, guide: study.guide, position: i + 1, trial: t.id,
      kind: t.kind, unit: t.unit, sign: t.sign, of: t.of, expect: t.expect, wrong: t.wrong.join(" "), moving: t.moving.join(" "),
      against: a.against.join(" "), none: a.none, rating: a.rating, comment: a.comment, seconds: a.seconds,
    }));
  }
  function save(name, type, text) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type }));
    link.download = `dfecs-rating-${study.id}-${state.rater}.${name}`;
    document.body.append(link);
    link.click();
    link.remove();
    URL.revokeObjectURL(link.href);
  }
  const cell = (value) => /[",\r\n]/.test(String(value)) ? `"${String(value).replaceAll('"', '""')}"` : String(value);
  const saveCsv = () => save("csv", "text/csv", [COLUMNS, ...rows().map((r) => COLUMNS.map((c) => r[c]))]
    .map((r) => r.map(cell).join(",")).join("\r\n") + "\r\n");
  const saveJson = () => save("json", "application/json",
    JSON.stringify({ format: "dfecs-rating-answers/1", study: study.id, answers: rows() }, null, 1));

  // ---- wiring ----------------------------------------------------------------------------------------------------
  WORDS.forEach((word, i) => {
    const label = document.createElement("label"), radio = document.createElement("input"), b = document.createElement("b"), small = document.createElement("small");
    radio.type = "radio"; radio.name = "rating"; radio.value = i + 1; radio.id = `rating-${i + 1}`;
    radio.addEventListener("change", () => rate(i + 1));
    b.textContent = i + 1; small.textContent = word;
    label.append(radio, b, small);
    $("scale").append(label);
  });
  $("count").textContent = study.trials.length;
  $("stamp").textContent = `Study ${study.id}.`;
  $("guide").hidden = !study.guide;
  $("rater").value = lastRater() || "";
  $("start-form").addEventListener("submit", (e) => { e.preventDefault(); begin($("rater").value.trim()); });
  $("answer").addEventListener("submit", (e) => { e.preventDefault(); next(); });
  $("back").addEventListener("click", () => go(-1));
  $("play").addEventListener("click", () => play(!playing));
  $("amount").addEventListener("input", () => { if (!playing) move(Number($("amount").value) / 100); });
  $("zoom").addEventListener("change", look);
  $("guide").addEventListener("click", () => {
    const on = $("muscles").hasAttribute("hidden");
    $("muscles").toggleAttribute("hidden", !on);
    $("guide").setAttribute("aria-pressed", String(on));
  });
  $("none").addEventListener("change", () => none($("none").checked));
  $("comment").addEventListener("input", () => { answer().comment = $("comment").value; keep(); });
  $("csv").addEventListener("click", saveCsv);
  $("save-now").addEventListener("click", saveCsv);
  $("json").addEventListener("click", saveJson);
  $("review").addEventListener("click", () => { state.at = 0; screen("rate"); show(); });
  const other = () => {
    clock(); keep(); stop();
    state = null;
    try { localStorage.removeItem(`dfecs-rating:${study.id}`); } catch (error) { /* nothing is kept here anyway */ }
    $("rater").value = "";
    screen("start");
    $("rater").focus();
  };
  for (const id of ["other", "switch"]) $(id).addEventListener("click", other);
  window.addEventListener("pagehide", () => { if (state && !$("rate").hidden) { clock(); keep(); } });
  still.addEventListener("change", () => { if (!$("rate").hidden) play(!still.matches); });

  $("face").addEventListener("click", (e) => {
    const matrix = $("face").getScreenCTM();
    const at = new DOMPoint(e.clientX, e.clientY).matrixTransform(matrix.inverse());
    const reach = 26 / matrix.a; // a fingertip, in the drawing's units
    let best = null, nearest = reach;
    for (const k of trial().moving) {
      const [x, y] = rest[k], [dx, dy] = trial().motion[k];
      const along = Math.max(0, Math.min(1, ((at.x - x) * dx + (at.y - y) * dy) / (dx * dx + dy * dy)));
      // The dot counts before the shaft of a neighbour's arrow.
      const away = Math.min(Math.hypot(at.x - x, at.y - y), 6 / matrix.a + Math.hypot(at.x - x - along * dx, at.y - y - along * dy));
      if (away < nearest) { nearest = away; best = k; }
    }
    if (best !== null) toggle(best);
  });

  document.addEventListener("keydown", (e) => {
    if ($("rate").hidden || !$("shortcuts").checked || e.ctrlKey || e.metaKey || e.altKey) return;
    if (e.target.matches("input:not([type=checkbox]):not([type=radio]), select, textarea")) return;
    const k = e.key.toLowerCase();
    if (k >= "1" && k <= "5") rate(Number(k));
    else if (k === "0") none(!answer().none);
    else if (k === "n") next();
    else if (k === "b" && state.at > 0) go(-1);
    else if (k === "p") play(!playing);
    else return;
    e.preventDefault();
  });

  // Where a rater was in the middle, the page opens there.
  const last = lastRater();
  if (last && recall(last)) begin(last);
})();
