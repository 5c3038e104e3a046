// Overview: figures in tiles and bars, drawn once, in colours that follow the theme by themselves.
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
  if (report.energy) tiles.push([picojoules(report.energy.total_pj), `energy; ${scaled(report.energy.average_watts * 1e3, ["mW", "W", "kW"], 1000)} on average`]);
  byId("tiles").append(...tiles.map(([value, words]) => make("div", { class: "tile" }, make("b", {}, value), make("span", {}, words))));
  const rows = [{ name: "measured", part: report.cycles, text: count(report.cycles), color: "ink" }];
  for (const [name, words] of Object.entries(DATA.names.bounds)) {
    if (!bound[name]) continue;
    const again = ["transfers", "supersteps"].includes(name) && bound.reloads > 1.005;
    rows.push({ name: again ? `${words} (weights ${bound.reloads.toFixed(2)} times what must be moved)` : words, part: bound[name], text: count(bound[name]), color: name === bound.binds ? "mark" : "soft" });
  }
  byId("bounds").append(bars(rows));
  byId("use").append(bars(["control", ...ENGINES].map((name) => ({ name, part: useOf(name), text: (100 * useOf(name)).toFixed(1) + " %", color: name }))));
  const stalls = Object.entries(counters.stalls).filter(([, cycles]) => cycles).sort((a, b) => b[1] - a[1]);
  byId("stalls").append(stalls.length ? bars(stalls.map(([name, cycles]) => ({ name: DATA.names.stalls[name] || name, part: cycles, text: count(cycles), color: "wait" }))) : "nothing waited");
  if (!report.energy) { byId("energy").parentElement.remove(); return; }
  const parts = Object.entries(DATA.names.energy).map(([name, words]) => ({ name: words, part: report.energy[`${name}_pj`], color: "vector" })).filter((row) => row.part);
  parts.sort((a, b) => b.part - a.part);
  byId("energy").append(bars(parts.map((row) => ({ ...row, text: picojoules(row.part) }))));
}
