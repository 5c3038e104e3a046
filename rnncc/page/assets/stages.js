// What each pass did: operations before and after, what it remarked, and the IR with its differences.
const FOLD = 8;
function startStages() {
  const box = byId("stage-list");
  if (!DATA.stages.length) {
    box.append(make("p", { class: "empty" }, "The program was compiled earlier: make the page from the .onnx file to see the passes."));
    return;
  }
  if (DATA.explain && DATA.explain.first) box.append(effects(DATA.explain));
  for (const stage of DATA.stages) {
    const kinds = Object.entries(stage.operations).map(([name, n]) => `${count(n)} ${name}`).join(", ");
    const unchanged = !stage.added && !stage.removed;
    const summary = make("summary", {}, make("b", {}, stage.name), make("span", {}, kinds),
      unchanged ? make("span", {}, "no change") : make("span", {}, make("span", { class: "plus" }, `+${stage.added}`), " ", make("span", { class: "minus" }, `\u2212${stage.removed}`), " lines"));
    const part = make("details", {}, summary, ...stage.remarks.map((text) => make("p", { class: "remark" }, text)));
    part.addEventListener("toggle", () => { if (part.open && !part.querySelector(".ir")) part.append(irOf(stage)); });
    box.append(part);
  }
}

// The table of what the transformations bought: figures after each pass that changed any.
function effects(explain) {
  const names = ["steps", "products", "macs", "weights", "cycles", "bound"];
  const head = ["", "steps", "products", "MACs", "weights moved", "cycles", "lower bound", "change"];
  const row = (name, facts, before) => make("tr", {}, make("td", {}, name),
    ...names.map((key) => make("td", {}, key === "weights" ? bytes(facts[key]) : count(facts[key]))),
    make("td", {}, before ? `${(100 * (facts.cycles / before.cycles - 1)).toFixed(1)} %` : ""));
  const body = make("tbody", {}, row("the model as it is written", explain.first));
  let before = explain.first, first = true;
  for (const entry of explain.passes) {
    if (!entry.after) continue;
    const same = names.every((key) => entry.after[key] === before[key]);
    // The first measured pass ends where the row above begins.
    if (!first && (!same || entry.remarks.length)) body.append(row(entry.pass, entry.after, before));
    before = entry.after;
    first = false;
  }
  const lengths = Object.entries(explain.lengths).map(([name, value]) => `${name} = ${value}`).join(", ");
  const notes = [`Cycles of the whole program after each pass that changes any${lengths ? `, at ${lengths}` : ""}${explain.sampled ? `, on ${explain.sampled}` : ""}.`, ...explain.summary];
  return make("div", { class: "scroll", id: "effects" }, ...notes.map((text) => make("p", { class: "hint" }, text)), make("table", {}, make("thead", {}, make("tr", {}, ...head.map((name) => make("th", {}, name)))), body));
}

function irOf(stage) {
  const view = make("div", { class: "ir" });
  const only = stage.blocks.length === 1;
  for (const [tag, lines] of stage.blocks) {
    const name = { "=": "", "+": "plus", "-": "minus" }[tag], sign = tag === "=" ? "  " : tag + " ";
    const text = (part) => part.map((line) => sign + line).join("\n");
    if (tag !== "=" || only || lines.length <= 2 * FOLD) { view.append(make("pre", { class: name }, text(lines))); continue; }
    const middle = lines.slice(FOLD, -FOLD);
    const fold = make("pre", { class: "fold", tabindex: 0, role: "button" }, `  ... ${count(middle.length)} lines without a change: click to see them`);
    const open = () => fold.replaceWith(make("pre", {}, text(middle)));
    fold.addEventListener("click", open);
    fold.addEventListener("keydown", (event) => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); open(); } });
    view.append(make("pre", {}, text(lines.slice(0, FOLD))), fold, make("pre", {}, text(lines.slice(-FOLD))));
  }
  return view;
}
