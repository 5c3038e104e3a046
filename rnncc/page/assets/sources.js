// The source map: each ONNX node with its instructions; pointing at one lights it in the timeline.
function startSources() {
  const head = ["ONNX node", "executed", ...ENGINES.map((name) => name + " cycles"), "of busy time", "MACs", "DRAM", "waits"];
  const table = make("table", {}, make("thead", {}, make("tr", {}, ...head.map((name) => make("th", {}, name)))));
  const body = make("tbody");
  const busyOf = (node) => Object.values(node.busy).reduce((a, b) => a + b, 0);
  const all = Math.max(1, DATA.nodes.reduce((sum, node) => sum + busyOf(node), 0));
  const groups = DATA.nodes.map((node) => {
    const waits = ["raw", "war", "waw"].reduce((sum, name) => sum + (node.waits[name] || 0), 0);
    const cells = [count(node.executed), ...ENGINES.map((name) => count(node.busy[name])), ((100 * busyOf(node)) / all).toFixed(1) + " %", count(node.macs), bytes(node.dram), count(waits)];
    const row = make("tr", { class: "node", tabindex: 0 }, make("td", {}, make("b", {}, node.name || "(the program itself)")), ...cells.map((text) => make("td", {}, text)));
    const members = new Set(node.pcs);
    const inner = node.pcs.map((pc) => {
      const item = DATA.instructions[pc];
      const line = make("tr", { class: "inner", hidden: "" },
        make("td", { colspan: 5 }, make("code", {}, `${pc}: ${"  ".repeat(item.depth)}${item.text}`)),
        make("td", {}, item.executed ? `${count(item.executed)} times` : ""), make("td", { colspan: 2 }, item.busy ? count(item.busy) + " cycles" : ""), make("td", {}, item.waits ? count(item.waits) : ""));
      line.addEventListener("pointerenter", () => light((other) => other === pc));
      line.addEventListener("pointerleave", () => light(null));
      return { pc, line };
    });
    const toggle = () => { const open = inner.length && inner[0].line.hidden; inner.forEach(({ line }) => { line.hidden = !open; }); };
    row.addEventListener("click", toggle);
    row.addEventListener("keydown", (event) => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); toggle(); } });
    row.addEventListener("pointerenter", () => light((pc) => members.has(pc)));
    row.addEventListener("pointerleave", () => light(null));
    body.append(row, ...inner.map(({ line }) => line));
    return { node, row, inner };
  });
  table.append(body);
  byId("source-table").append(make("div", { class: "scroll" }, table));
  byId("source-find").addEventListener("input", (event) => {
    const text = event.target.value.trim().toLowerCase();
    for (const { node, row, inner } of groups) {
      const named = node.name.toLowerCase().includes(text);
      const hits = inner.filter(({ pc }) => DATA.instructions[pc].text.toLowerCase().includes(text));
      row.hidden = Boolean(text) && !named && !hits.length;
      inner.forEach(({ line }) => { line.hidden = true; });
      if (text && !named) hits.forEach(({ line }) => { line.hidden = false; });
    }
  });
}
