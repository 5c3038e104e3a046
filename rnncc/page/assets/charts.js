// Overview, roofline and memory: drawn once, in colours that follow the theme by themselves.
function startOverview() {
  const report = DATA.report, bound = report.bound, counters = report.counters;
  const useOf = (name) => counters.engines[name].use;
  byId("subtitle").textContent = `${DATA.machine.title}; numerics ${report.numerics}` +
    Object.entries(report.lengths).map(([name, value]) => `; ${name} = ${value}`).join("");
  const tiles = [
    [count(report.cycles), "cycles"],
    [duration(report.cycles), "at " + scaled(DATA.machine.clock, ["Hz", "kHz", "MHz", "GHz"], 1000)],
    [((100 * bound.cycles) / report.cycles).toFixed(1) + " %", "of the lower bound's speed; binding: " + (DATA.names.bounds[bound.binds] || bound.binds)],
    [rate((2 * counters.macs * DATA.machine.clock) / report.cycles), `of ${rate(2 * DATA.machine.macs_per_cycle * DATA.machine.clock)} peak`],
    [bytes(counters.read.dram + counters.written.dram), "to and from DRAM"],
  ];
  if (report.energy) tiles.push([scaled(report.energy.total_pj, ["pJ", "nJ", "\u00b5J", "mJ", "J"], 1000), `energy; ${scaled(report.energy.average_watts * 1e3, ["mW", "W", "kW"], 1000)} on average`]);
  byId("tiles").append(...tiles.map(([value, words]) => make("div", { class: "tile" }, make("b", {}, value), make("span", {}, words))));
  const rows = [{ name: "measured", part: report.cycles, text: count(report.cycles), color: "ink" }];
  for (const [name, words] of Object.entries(DATA.names.bounds)) {
    if (bound[name] === undefined) continue;
    rows.push({ name: words, part: bound[name], text: count(bound[name]), color: name === bound.binds ? "mark" : "soft" });
  }
  byId("bounds").append(bars(rows));
  byId("use").append(bars(["control", ...ENGINES].map((name) => ({ name, part: useOf(name), text: (100 * useOf(name)).toFixed(1) + " %", color: name }))));
  const stalls = Object.entries(counters.stalls).filter(([, cycles]) => cycles).sort((a, b) => b[1] - a[1]);
  byId("stalls").append(stalls.length ? bars(stalls.map(([name, cycles]) => ({ name: DATA.names.stalls[name] || name, part: cycles, text: count(cycles), color: "wait" }))) : "nothing waited");
}

function startRoofline() {
  const machine = DATA.machine, peak = 2 * machine.macs_per_cycle * machine.clock, band = machine.dram_bytes_per_cycle * machine.clock;
  const phases = DATA.phases.filter((phase) => phase.macs && phase.cycles).map((phase) => ({
    ...phase,
    intensity: phase.dram ? (2 * phase.macs) / phase.dram : Infinity,
    speed: (2 * phase.macs * machine.clock) / phase.cycles,
  }));
  const ridge = peak / band, width = 900, height = 330, left = 78, bottom = 288;
  // A phase without DRAM traffic stands at the right edge.
  const finite = phases.map((p) => p.intensity).filter(Number.isFinite);
  const low = Math.min(ridge / 30, ...finite.map((n) => n / 2)), high = Math.max(ridge * 10, ...finite.map((n) => n * 3));
  const least = Math.min(band * low, ...phases.map((p) => p.speed)) / 2, most = peak * 2;
  const x = (v) => left + (Math.log(v / low) / Math.log(high / low)) * (width - left - 20);
  const y = (v) => bottom - (Math.log(v / least) / Math.log(most / least)) * (bottom - 14);
  const svg = draw("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": "roofline" });
  for (let p = Math.ceil(Math.log10(least)); 10 ** p <= most; p += 1) {
    svg.append(draw("line", { x1: left, x2: width - 20, y1: y(10 ** p), y2: y(10 ** p), stroke: "var(--grid)" }),
               draw("text", { x: left - 8, y: y(10 ** p) + 4, "text-anchor": "end" }, rate(10 ** p)));
  }
  for (let p = Math.ceil(Math.log10(low)); 10 ** p <= high; p += 1) {
    svg.append(draw("line", { x1: x(10 ** p), x2: x(10 ** p), y1: 14, y2: bottom, stroke: "var(--grid)" }),
               draw("text", { x: x(10 ** p), y: bottom + 16, "text-anchor": "middle" }, p < 0 ? (10 ** p).toFixed(-p) : count(10 ** p)));
  }
  svg.append(draw("text", { x: (left + width) / 2, y: bottom + 36, "text-anchor": "middle" }, "operations a byte of DRAM traffic (a multiply-accumulate is two)"));
  svg.append(draw("polyline", { points: `${x(low)},${y(band * low)} ${x(ridge)},${y(peak)} ${x(high)},${y(peak)}`, fill: "none", stroke: "var(--ink)", "stroke-width": 2 }));
  svg.append(draw("text", { x: width - 22, y: y(peak) - 6, "text-anchor": "end", class: "name" }, `peak ${rate(peak)}`),
             draw("text", { x: x(Math.sqrt(low * ridge)) - 12, y: y(band * Math.sqrt(low * ridge)) - 8, "text-anchor": "end", class: "name" }, `${scaled(band, ["B/s", "kB/s", "MB/s", "GB/s", "TB/s"], 1000)} DRAM`));
  for (const phase of phases) {
    const point = (event) => {
      tip(event, make("b", {}, phase.name), `${count(phase.macs)} MACs in ${count(phase.cycles)} cycles, ${bytes(phase.dram)} of DRAM traffic`,
          `${phase.dram ? phase.intensity.toFixed(1) + " operations a byte" : "no DRAM traffic"}, ${rate(phase.speed)}`);
      light((pc) => phase.pcs.includes(pc));
    };
    svg.append(draw("circle", { cx: x(Math.min(phase.intensity, high)), cy: y(phase.speed), r: 4 + 8 * Math.sqrt(phase.cycles / DATA.report.cycles), fill: "var(--matrix)",
      "fill-opacity": 0.65, stroke: "var(--card)", onpointermove: point, onpointerleave: (event) => { tip(event); light(null); } }));
  }
  byId("roof").append(phases.length ? svg : make("p", { class: "empty" }, "The program multiplies no matrices."));
}

function startMemory() {
  for (const [name, [cycles, live]] of Object.entries(DATA.occupancy)) {
    const width = 900, height = 150, left = 78, bottom = 124, size = DATA.machine.memories[name], end = Math.max(DATA.report.cycles, 1);
    const x = (cycle) => left + (cycle / end) * (width - left - 20), y = (n) => bottom - (n / size) * (bottom - 14);
    // At most one step a pixel, the highest of it: thousands of buffers come and go.
    const cells = width - left - 20, highest = new Float64Array(cells + 1);
    let last = 0;
    cycles.forEach((cycle, n) => {
      const from = Math.floor((cycle / end) * cells), to = n + 1 < cycles.length ? Math.floor((cycles[n + 1] / end) * cells) : cells;
      for (let cell = from; cell <= to && cell <= cells; cell += 1) highest[cell] = Math.max(highest[cell], live[n]);
      last = live[n];
    });
    const points = [`${left},${bottom}`];
    highest.forEach((n, cell) => points.push(`${left + cell},${y(n)}`));
    points.push(`${width - 20},${y(last)}`, `${width - 20},${bottom}`);
    const svg = draw("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${name} over time` });
    svg.append(draw("rect", { x: left, y: 14, width: width - left - 20, height: bottom - 14, fill: "none", stroke: "var(--line)" }),
               draw("polygon", { points: points.join(" "), fill: `var(--${name === "wmem" ? "matrix" : "vector"})`, "fill-opacity": 0.55 }),
               draw("line", { x1: left, x2: width - 20, y1: y(DATA.allocated[name]), y2: y(DATA.allocated[name]), stroke: "var(--ink)", "stroke-dasharray": "5 4" }),
               draw("text", { x: left - 8, y: 22, "text-anchor": "end" }, bytes(size)), draw("text", { x: left - 8, y: bottom, "text-anchor": "end" }, "0"),
               draw("text", { x: left + 4, y: height - 8, class: "name" }, `${name}: at most ${bytes(Math.max(0, ...live))} live, ${bytes(DATA.allocated[name])} allocated`),
               draw("text", { x: width - 20, y: height - 8, "text-anchor": "end" }, `cycle ${count(end)}`));
    svg.addEventListener("pointermove", (event) => {
      const box = svg.getBoundingClientRect(), cell = Math.round(((event.clientX - box.left) / box.width) * width - left);
      if (cell < 0 || cell > cells) { tip(event); return; }
      tip(event, `cycle ${count((cell / cells) * end)}: ${bytes(highest[cell])} of ${name} live`);
    });
    svg.addEventListener("pointerleave", (event) => tip(event));
    byId("occupancy").append(svg);
  }
}
