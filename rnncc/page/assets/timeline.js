// The timeline: a row for each engine on a canvas, with zoom, movement, pointing and searching.
const ROW = 34, GUTTER = 84, RULER = 22, MINI = 26;
const events = DATA.events, total = Math.max(1, ...events.done, ...DATA.controls[1]);
const perRow = DATA.rows.map(() => []);
events.row.forEach((row, n) => perRow[row].push(n));
const waitsOf = new Map();
for (const [n, cause, cycles] of events.waits) {
  if (!waitsOf.has(n)) waitsOf.set(n, []);
  waitsOf.get(n).push([events.causes[cause], cycles]);
}
const view = { from: 0, to: total };
let kept = null, pointed = null;

function context(canvas, height) {
  const width = canvas.clientWidth || 600, ratio = devicePixelRatio || 1;
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  canvas.style.height = height + "px";
  const pen = canvas.getContext("2d");
  pen.scale(ratio, ratio);
  pen.font = "12px system-ui, sans-serif";
  return { pen, width };
}
const place = (cycle, width) => GUTTER + ((cycle - view.from) / (view.to - view.from)) * (width - GUTTER);
const cycleAt = (x, width) => view.from + ((x - GUTTER) / (width - GUTTER)) * (view.to - view.from);

// Index of the first event of a row that ends after a cycle: a row's events are in order and do not overlap.
function firstAfter(list, cycle) {
  let low = 0, high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (events.start[list[middle]] + events.length[list[middle]] <= cycle) low = middle + 1; else high = middle;
  }
  return low;
}

function ruler(pen, width, bottom) {
  const span = view.to - view.from;
  const raw = span / Math.max(2, width / 130), power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((n) => n * power).find((n) => n >= raw);
  pen.fillStyle = color("soft");
  pen.strokeStyle = color("grid");
  for (let cycle = Math.ceil(view.from / step) * step; cycle <= view.to; cycle += step) {
    const x = place(cycle, width);
    pen.beginPath(); pen.moveTo(x, RULER - 4); pen.lineTo(x, bottom); pen.stroke();
    const text = count(cycle);
    pen.fillText(text, Math.min(x + 3, width - pen.measureText(text).width), 12);
  }
}

function paint() {
  const rows = DATA.rows.length + 1, height = RULER + rows * ROW + 4;
  const { pen, width } = context(byId("lanes"), height);
  pen.fillStyle = color("card"); pen.fillRect(0, 0, width, height);
  ruler(pen, width, height);
  const dim = lighting.test !== null;
  DATA.rows.forEach((name, row) => paintRow(pen, width, row, name, color(ENGINES[DATA.engines[row]]), dim));
  paintControl(pen, width, RULER + DATA.rows.length * ROW);
  pen.fillStyle = color("card"); pen.fillRect(0, RULER, GUTTER - 4, height);
  pen.fillStyle = color("ink");
  [...DATA.rows, "control"].forEach((name, row) => pen.fillText(name, 4, RULER + row * ROW + 19));
  paintMini();
}

// Events of less than a pixel are not drawn one by one: what they cover of each pixel is its shade.
function paintRow(pen, width, row, name, fill, dim) {
  const list = perRow[row], top = RULER + row * ROW, mark = color("mark"), wait = color("wait");
  const covered = new Float64Array(width + 2), found = new Uint8Array(width + 2), held = new Float64Array(width + 2);
  const cover = (cells, from, to) => {
    for (let cell = Math.max(0, Math.floor(from)); cell < to && cell < cells.length; cell += 1) cells[cell] += Math.min(to, cell + 1) - Math.max(from, cell);
  };
  for (let n = firstAfter(list, view.from); n < list.length; n += 1) {
    const id = list[n], start = events.start[id];
    if (start > view.to) break;
    const x = place(start, width), end = place(start + events.length[id], width);
    const lit = dim && lighting.test(events.pc[id], id);
    for (const [cause, cycles] of waitsOf.get(id) || []) {
      if (cause === "raw" || cause === "war" || cause === "waw") cover(held, place(start - cycles, width), x);
    }
    const chosen = id === kept || id === pointed;
    if (end - x < 1.5 && !chosen) {
      cover(covered, x, Math.max(end, x + 1e-3));
      if (lit) found[Math.max(0, Math.floor(x))] = 1;
      continue;
    }
    pen.globalAlpha = dim && !lit ? 0.25 : 1;
    pen.fillStyle = lit ? mark : fill;
    pen.fillRect(x, top + 6, Math.max(1, end - x - 0.4), 20);
    pen.globalAlpha = 1;
    if (chosen) {
      pen.strokeStyle = color("ink"); pen.lineWidth = 1.5; pen.strokeRect(x, top + 6, Math.max(2, end - x), 20); pen.lineWidth = 1;
    }
    if (end - x > 46) {
      pen.save(); pen.beginPath(); pen.rect(x, top, end - x, ROW); pen.clip();
      pen.fillStyle = lit ? "#16202c" : color("card");
      pen.fillText(DATA.instructions[events.pc[id]].op, x + 4, top + 20);
      pen.restore();
    }
  }
  for (let cell = GUTTER; cell < width; cell += 1) {
    if (covered[cell]) {
      pen.globalAlpha = found[cell] ? 1 : (dim ? 0.25 : 1) * (0.3 + 0.7 * Math.min(1, covered[cell]));
      pen.fillStyle = found[cell] ? mark : fill;
      pen.fillRect(cell, top + 6, 1, 20);
    }
    if (held[cell]) {
      pen.globalAlpha = 0.2 + 0.5 * Math.min(1, held[cell]);
      pen.fillStyle = wait;
      pen.fillRect(cell, top + 27, 1, 3);
    }
  }
  pen.globalAlpha = 1;
}

function paintControl(pen, width, top) {
  const [from, to, op] = DATA.controls;
  let last = -1;
  for (let n = 0; n < from.length; n += 1) {
    if (to[n] < view.from) continue;
    if (from[n] > view.to) break;
    const x = place(from[n], width), end = place(to[n], width);
    if (end - last < 0.7) continue;
    last = end;
    pen.fillStyle = color(op[n] === "sync" ? "wait" : "control");
    pen.fillRect(x, top + 6, Math.max(0.7, end - x), 20);
  }
}

function paintMini() {
  const { pen, width } = context(byId("scroll"), MINI);
  pen.fillStyle = color("grid"); pen.fillRect(GUTTER, 2, width - GUTTER, MINI - 4);
  const cells = Math.max(1, Math.floor((width - GUTTER) / 2)), load = DATA.rows.map(() => new Float64Array(cells));
  for (let id = 0; id < events.pc.length; id += 1) {
    let from = (events.start[id] / total) * cells;
    const to = ((events.start[id] + events.length[id]) / total) * cells;
    for (let cell = Math.floor(from); cell < cells && cell <= to; cell += 1) {
      load[events.row[id]][cell] += Math.min(to, cell + 1) - Math.max(from, cell);
    }
  }
  const high = (MINI - 4) / DATA.rows.length;
  load.forEach((cellsOf, row) => {
    pen.fillStyle = color(ENGINES[DATA.engines[row]]);
    cellsOf.forEach((part, cell) => {
      if (!part) return;
      pen.globalAlpha = 0.3 + 0.7 * Math.min(1, part);
      pen.fillRect(GUTTER + cell * 2, 2 + row * high, 2, high - 0.5);
    });
  });
  pen.globalAlpha = 1;
  pen.strokeStyle = color("ink"); pen.lineWidth = 1.5;
  const x = GUTTER + (view.from / total) * (width - GUTTER), end = GUTTER + (view.to / total) * (width - GUTTER);
  pen.strokeRect(x, 1, Math.max(3, end - x), MINI - 2);
}

function show(from, to) {
  const span = Math.min(total, Math.max(8, to - from));
  view.from = Math.max(0, Math.min(from, total - span));
  view.to = view.from + span;
  requestAnimationFrame(paint);
}
function zoom(factor, around) {
  const middle = around === undefined ? (view.from + view.to) / 2 : around;
  show(middle - (middle - view.from) * factor, middle + (view.to - middle) * factor);
}

function eventAt(x, y, width) {
  const row = Math.floor((y - RULER) / ROW);
  if (row < 0 || row >= perRow.length || x < GUTTER) return null;
  const cycle = cycleAt(x, width), list = perRow[row], slack = (2 * (view.to - view.from)) / width;
  for (let n = firstAfter(list, cycle - slack); n < list.length && events.start[list[n]] <= cycle + slack; n += 1) return list[n];
  return null;
}

function facts(id) {
  const item = DATA.instructions[events.pc[id]], start = events.start[id];
  const waits = (waitsOf.get(id) || []).map(([cause, cycles]) => `${DATA.names.stalls[cause]} ${count(cycles)}`);
  return [
    make("span", {}, make("b", {}, `${item.op}`), ` on ${DATA.rows[events.row[id]]}, from `, make("b", {}, item.node || "the program itself")),
    `cycles ${count(start)} to ${count(start + events.length[id])} (${count(events.length[id])}), sent at ${count(events.sent[id])}, result at ${count(events.done[id])}`,
    waits.length ? "waited: " + waits.join(", ") : "waited for nothing",
  ];
}
function detail(id) {
  const code = make("code", {}, `${events.pc[id]}: ${DATA.instructions[events.pc[id]].text}`);
  byId("event").replaceChildren(...facts(id).flatMap((line) => [line, make("br")]), code);
}

function startTimeline() {
  const canvas = byId("lanes"), mini = byId("scroll");
  const shown = events.pc.length;
  byId("timeline-note").textContent =
    `${count(events.total)} instructions in ${count(DATA.report.cycles)} cycles` +
    (shown < events.total ? `; the timeline shows the first ${count(shown)}, all other figures count the whole run.` : ".");
  byId("legend").append(
    ...[...ENGINES, "control"].map((name) => make("span", {}, make("i", { style: `background:var(--${name})` }), name)),
    make("span", {}, make("i", { style: "background:var(--wait)" }), "held back by a hazard (line below) or a scalar"),
    make("span", {}, make("i", { style: "background:var(--mark)" }), "found"),
  );
  let drag = null;
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    const around = cycleAt(event.offsetX, canvas.clientWidth);
    if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
      const move = ((view.to - view.from) * event.deltaX) / canvas.clientWidth;
      show(view.from + move, view.to + move);
    } else zoom(event.deltaY > 0 ? 1.25 : 0.8, around);
  }, { passive: false });
  canvas.addEventListener("pointerdown", (event) => { drag = { x: event.clientX, from: view.from, moved: false }; canvas.setPointerCapture(event.pointerId); });
  canvas.addEventListener("pointerup", (event) => {
    if (drag && !drag.moved) {
      kept = eventAt(event.offsetX, event.offsetY, canvas.clientWidth);
      if (kept !== null) detail(kept);
      paint();
    }
    drag = null;
  });
  canvas.addEventListener("pointermove", (event) => {
    if (drag) {
      const move = ((drag.x - event.clientX) / (canvas.clientWidth - GUTTER)) * (view.to - view.from);
      if (Math.abs(drag.x - event.clientX) > 3) drag.moved = true;
      if (drag.moved) { tip(event); show(drag.from + move, drag.from + move + view.to - view.from); }
      return;
    }
    const id = eventAt(event.offsetX, event.offsetY, canvas.clientWidth);
    if (id !== pointed) { pointed = id; requestAnimationFrame(paint); }
    if (id === null) tip(event); else { tip(event, ...facts(id)); if (kept === null) detail(id); }
  });
  canvas.addEventListener("pointerleave", (event) => { pointed = null; tip(event); paint(); });
  canvas.addEventListener("keydown", (event) => {
    const step = (view.to - view.from) / 5;
    const act = { ArrowLeft: () => show(view.from - step, view.to - step), ArrowRight: () => show(view.from + step, view.to + step),
                  "+": () => zoom(0.6), "-": () => zoom(1.6), "0": () => show(0, total) }[event.key];
    if (act) { event.preventDefault(); act(); }
  });
  const jump = (event) => {
    const middle = ((event.offsetX - GUTTER) / (mini.clientWidth - GUTTER)) * total, half = (view.to - view.from) / 2;
    show(middle - half, middle + half);
  };
  mini.addEventListener("pointerdown", (event) => { mini.setPointerCapture(event.pointerId); jump(event); });
  mini.addEventListener("pointermove", (event) => { if (event.buttons) jump(event); });
  byId("zoom-in").addEventListener("click", () => zoom(0.6));
  byId("zoom-out").addEventListener("click", () => zoom(1.6));
  byId("zoom-all").addEventListener("click", () => show(0, total));
  byId("find").addEventListener("input", (event) => {
    const text = event.target.value.trim().toLowerCase();
    if (!text) { byId("found").textContent = ""; light(null); return; }
    const named = DATA.instructions.map((item) => `${item.node}\n${item.text}`.toLowerCase().includes(text));
    const waiting = new Set(events.waits.filter(([, cause]) => events.causes[cause] === text).map(([id]) => id));
    const test = (pc, id) => (id === undefined ? named[pc] : named[pc] || waiting.has(id));
    let found = 0, cycles = 0;
    events.pc.forEach((pc, id) => { if (test(pc, id)) { found += 1; cycles += events.length[id]; } });
    byId("found").textContent = `${count(found)} instructions, ${count(cycles)} engine cycles`;
    light(test);
  });
  lighting.listeners.push(paint);
  addEventListener("resize", paint);
  paint();
}
