// Roofline: what the machine can do at an intensity, and what each phase of the program did.
function startRoofline() {
  const box = byId("roof");
  const draw = () => box.replaceChildren(DATA.phases.some((phase) => phase.macs && phase.cycles) ? roofline(Math.max(300, box.clientWidth))
    : make("p", { class: "empty" }, "The program multiplies no matrices."));
  addEventListener("resize", draw);
  draw();
}

function roofline(width) {
  const machine = DATA.machine, peak = 2 * machine.macs_per_cycle * machine.clock, band = machine.dram_bytes_per_cycle * machine.clock;
  const phases = DATA.phases.filter((phase) => phase.macs && phase.cycles).map((phase) => ({
    ...phase,
    intensity: phase.dram ? (2 * phase.macs) / phase.dram : Infinity,
    speed: (2 * phase.macs * machine.clock) / phase.cycles,
  }));
  const ridge = peak / band, height = 330, left = 78, right = width - 20, bottom = 288;
  const finite = phases.map((p) => p.intensity).filter(Number.isFinite);
  // A phase without DRAM traffic stands near the right edge.
  const low = Math.min(ridge / 30, ...finite.map((n) => n / 2)), high = Math.max(ridge * 10, ...finite.map((n) => n * 3));
  const least = Math.min(band * low, ...phases.map((p) => p.speed)) / 2, most = peak * 2;
  const x = (v) => left + (Math.log(v / low) / Math.log(high / low)) * (right - left);
  const y = (v) => bottom - (Math.log(v / least) / Math.log(most / least)) * (bottom - 14);
  const svg = draw("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": "roofline" });
  for (let p = Math.ceil(Math.log10(least)); 10 ** p <= most; p += 1) {
    svg.append(draw("line", { x1: left, x2: right, y1: y(10 ** p), y2: y(10 ** p), stroke: "var(--grid)" }),
               draw("text", { x: left - 8, y: y(10 ** p) + 4, "text-anchor": "end" }, rate(10 ** p)));
  }
  for (let p = Math.ceil(Math.log10(low)); 10 ** p <= high; p += 1) {
    svg.append(draw("line", { x1: x(10 ** p), x2: x(10 ** p), y1: 14, y2: bottom, stroke: "var(--grid)" }),
               draw("text", { x: x(10 ** p), y: bottom + 16, "text-anchor": "middle" }, p < 0 ? (10 ** p).toFixed(-p) : count(10 ** p)));
  }
  svg.append(draw("text", { x: (left + right) / 2, y: bottom + 36, "text-anchor": "middle" }, "operations a byte of DRAM traffic"));
  svg.append(draw("polyline", { points: `${x(low)},${y(band * low)} ${x(ridge)},${y(peak)} ${x(high)},${y(peak)}`, fill: "none", stroke: "var(--ink)", "stroke-width": 2 }));
  const labels = placer(left, right, 14, bottom), middle = Math.sqrt(low * ridge);
  const dots = phases.map((phase) => ({ phase, x: x(Math.min(phase.intensity, high / 2)), y: y(phase.speed), r: 4 + 8 * Math.sqrt(phase.cycles / DATA.report.cycles) }));
  dots.forEach((dot) => labels.take(dot.x - dot.r, dot.y - dot.r, dot.x + dot.r, dot.y + dot.r));
  for (let part = 0; part <= 40; part += 1) {
    const at = low * (ridge / low) ** (part / 40);
    labels.take(x(at) - 1, y(band * at) - 1, x(at) + 1, y(band * at) + 1);
  }
  const named = [labels.put(`peak ${rate(peak)}`, right, y(peak), 4, ["above left"]),
                 labels.put(`${scaled(band, ["B/s", "kB/s", "MB/s", "GB/s", "TB/s"], 1000)} DRAM`, x(middle), y(band * middle), 10, ["above left", "below right"])];
  for (const dot of dots) {
    const { phase } = dot;
    const words = [make("b", {}, phase.name), `${count(phase.macs)} MACs in ${count(phase.cycles)} cycles, ${bytes(phase.dram)} of DRAM traffic`,
                   `${phase.dram ? phase.intensity.toFixed(1) + " operations a byte" : "no DRAM traffic"}, ${rate(phase.speed)}`];
    const point = (event) => { tip(event, ...words.map((word) => (word.cloneNode ? word.cloneNode(true) : word))); light((pc) => phase.pcs.includes(pc)); };
    const leave = (event) => { tip(event); light(null); };
    svg.append(draw("circle", { cx: dot.x, cy: dot.y, r: dot.r, fill: "var(--matrix)", "fill-opacity": 0.65, stroke: "var(--card)", tabindex: 0,
      "aria-label": phase.name, onpointermove: point, onpointerleave: leave,
      onfocus: (event) => { const at = event.target.getBoundingClientRect(); point({ clientX: at.right, clientY: at.bottom }); }, onblur: leave }));
    named.push(labels.put(phase.name.length > 40 ? phase.name.slice(0, 38) + " \u2026" : phase.name, dot.x, dot.y, dot.r + 4, ["right", "left", "above right", "below right", "above left", "below left"]));
  }
  svg.append(...named.filter(Boolean));
  return svg;
}

// Puts texts where nothing else is, or leaves them out: pointing at a dot shows its name in any case.
function placer(left, right, top, bottom) {
  const taken = [];
  const free = ([x1, y1, x2, y2]) => x1 >= left && x2 <= right && y1 >= top - 12 && y2 <= bottom && taken.every(([a, b, c, d]) => x2 < a || c < x1 || y2 < b || d < y1);
  return {
    take: (...rectangle) => taken.push(rectangle),
    put(text, x, y, gap, ways) {
      const length = 6.6 * text.length;
      for (const way of ways) {
        const side = way.endsWith("left") ? -1 : 1, flat = way === "left" || way === "right";
        const start = x + side * (flat ? gap : 0), base = flat ? y + 4 : way.startsWith("above") ? y - gap - 2 : y + gap + 10;
        const rectangle = [side < 0 ? start - length : start, base - 11, side < 0 ? start : start + length, base + 3];
        if (!free(rectangle)) continue;
        taken.push(rectangle);
        return draw("text", { x: start, y: base, "text-anchor": side < 0 ? "end" : "start", class: "name" }, text);
      }
      return null;
    },
  };
}
