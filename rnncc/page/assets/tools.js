// Small helpers that the other scripts share.
const DATA = JSON.parse(document.getElementById("data").textContent);
const ENGINES = ["dma", "matrix", "vector"];
const byId = (id) => document.getElementById(id);
const count = (n) => Math.round(n).toLocaleString("en-US");
const color = (name) => getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();

function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "class") node.className = value;
    else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined) node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

function draw(tag, attributes = {}, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

function scaled(value, units, step) {
  let unit = 0;
  while (Math.abs(value) >= step && unit < units.length - 1) { value /= step; unit += 1; }
  const digits = Math.abs(value) >= 100 || (unit === 0 && Number.isInteger(value)) ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toFixed(digits) + " " + units[unit];
}
const bytes = (n) => scaled(n, ["B", "KiB", "MiB", "GiB", "TiB"], 1024);
const duration = (cycles) => scaled((cycles / DATA.machine.clock) * 1e9, ["ns", "\u00b5s", "ms", "s"], 1000);
const picojoules = (n) => scaled(n, ["pJ", "nJ", "\u00b5J", "mJ", "J"], 1000);
const rate = (perSecond) => scaled(perSecond, ["op/s", "Kop/s", "Mop/s", "Gop/s", "Top/s", "Pop/s"], 1000);

function tip(event, ...lines) {
  const box = byId("tip");
  if (!lines.length) { box.style.display = "none"; return; }
  box.replaceChildren(...lines.flatMap((line, n) => (n ? [make("br"), line] : [line])));
  box.style.display = "block";
  const { width, height } = box.getBoundingClientRect();
  box.style.left = Math.max(4, Math.min(event.clientX + 14, innerWidth - width - 8)) + "px";
  box.style.top = (event.clientY + 18 + height > innerHeight ? event.clientY - height - 12 : event.clientY + 18) + "px";
}

function bars(rows) {
  const most = Math.max(1e-9, ...rows.map((row) => row.part));
  const grid = make("div", { class: "bars" });
  for (const row of rows) {
    const fill = make("i", { style: `width:${(100 * row.part) / most}%;background:var(--${row.color})` });
    grid.append(make("span", {}, row.name), make("span", {}, fill), make("span", { class: "number" }, row.text));
  }
  return grid;
}

// What is lit: a predicate over instruction numbers, set by searching or pointing, shown by timeline and table.
const lighting = { test: null, listeners: [] };
function light(test) {
  lighting.test = test;
  lighting.listeners.forEach((listener) => listener());
}
