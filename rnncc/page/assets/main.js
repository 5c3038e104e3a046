byId("theme").addEventListener("click", () => {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  paint();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => paint());
startOverview();
startTimeline();
startRoofline();
startMemory();
startSources();
startStages();
document.documentElement.dataset.ready = "yes";
