// Memory over time: live bytes as an area, what is allocated as a line.
function startMemory() {
  const box = byId("occupancy");
  const all = () => box.replaceChildren(...Object.entries(DATA.occupancy).map(([name, found]) => memoryPlot(name, found, Math.max(300, box.clientWidth))));
  addEventListener("resize", all);
  all();
}

function memoryPlot(name, [cycles, live], width) {
  const narrow = width < 560, height = narrow ? 166 : 150, left = 78, right = width - 20, bottom = 124, size = DATA.machine.memories[name], end = Math.max(DATA.report.cycles, 1);
  const peak = Math.max(0, ...live), allocated = DATA.allocated[name], needed = Math.max(peak, allocated);
  // What takes little of a memory would be a flat line under its whole size.
  const top = needed > size / 4 || !needed ? size : needed * 1.25;
  const x = (cycle) => left + (cycle / end) * (right - left), y = (n) => bottom - (n / top) * (bottom - 14);
  // At most one step a pixel, the highest of it: thousands of buffers come and go.
  const cells = Math.floor(right - left), highest = new Float64Array(cells + 1);
  let last = 0;
  cycles.forEach((cycle, n) => {
    const from = Math.floor((cycle / end) * cells), to = n + 1 < cycles.length ? Math.floor((cycles[n + 1] / end) * cells) : cells;
    for (let cell = from; cell <= to && cell <= cells; cell += 1) highest[cell] = Math.max(highest[cell], live[n]);
    last = live[n];
  });
  const points = [`${left},${bottom}`];
  highest.forEach((n, cell) => points.push(`${left + cell},${y(n)}`));
  points.push(`${right},${y(last)}`, `${right},${bottom}`);
  const svg = draw("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${name} over time` });
  svg.append(draw("rect", { x: left, y: 14, width: right - left, height: bottom - 14, fill: "none", stroke: "var(--line)" }),
             draw("polygon", { points: points.join(" "), fill: `var(--${name === "wmem" ? "matrix" : "vector"})`, "fill-opacity": 0.55 }),
             draw("line", { x1: left, x2: right, y1: y(allocated), y2: y(allocated), stroke: "var(--ink)", "stroke-dasharray": "5 4" }),
             draw("text", { x: left - 8, y: 22, "text-anchor": "end" }, bytes(top)), draw("text", { x: left - 8, y: bottom, "text-anchor": "end" }, "0"),
             draw("text", { x: left + 4, y: 142, class: "name" }, `${name}: at most ${bytes(peak)} live${narrow ? "" : `, ${bytes(allocated)} allocated of ${bytes(size)}`}`),
             narrow ? draw("text", { x: left + 4, y: 158, class: "name" }, `${bytes(allocated)} allocated of ${bytes(size)}`)
               : draw("text", { x: right, y: 142, "text-anchor": "end" }, `cycle ${count(end)}`));
  svg.addEventListener("pointermove", (event) => {
    const box = svg.getBoundingClientRect(), cell = Math.round(((event.clientX - box.left) / box.width) * width - left);
    if (cell < 0 || cell > cells) { tip(event); return; }
    tip(event, `cycle ${count((cell / cells) * end)}: ${bytes(highest[cell])} of ${name} live`);
  });
  svg.addEventListener("pointerleave", (event) => tip(event));
  return svg;
}
