/* The page: which application, which theme, and where a link leads. */
if (FIDELITY) { $("#fidelity-section").hidden = false; $("#toc-fidelity").hidden = false; }

const SECTIONS = { questions: drawQuestions, load: drawPlots, calendar: drawCalendar, jobs: drawJobs, roles: drawRoles, ledger: drawLedger, files: drawFiles, "fidelity-section": drawFidelity, drift: drawDrift, values: drawValues, problems: drawProblems };

function chooseApp(app) {
  current = app;
  const select = $("#app");
  select.value = app ? app.name : "";
  $$("#overview .app").forEach((article) => { article.hidden = DATA.apps.length > 1 && article.dataset.app !== app.name; });
  if (!app) return;
  for (const [name, draw] of Object.entries(SECTIONS)) later($("#" + name + " .body"), draw);
  const idle = window.requestIdleCallback || ((work) => setTimeout(work, 30));
  const names = Object.keys(SECTIONS);
  const next = () => { if (names.length) { build($("#" + names.shift() + " .body")); idle(next, { timeout: 300 }); } };
  idle(next, { timeout: 300 });
}

function follow() {
  const hash = location.hash.slice(1);
  if (!hash) return;
  Object.keys(SECTIONS).forEach((name) => build($("#" + name + " .body")));
  const [kind, ...rest] = hash.split("=");
  let value = "";
  try { value = decodeURIComponent(rest.join("=")); } catch { value = rest.join("="); }
  let goal = null;
  if (kind === "d") goal = showDecision(value);
  else if (kind === "j") goal = showJob(value);
  else if (kind === "q") goal = showQuestion(value);
  else if (kind === "f") {
    const parts = /^(.*?)(?::(\d+))?$/.exec(value);
    goal = showFile(parts[1], Number(parts[2] || 0));
  } else if (hash.startsWith("ledger?o=")) {
    ledger.outcomes.clear();
    ledger.outcomes.add(hash.slice(9));
    build($("#ledger .body"));
    drawLedger($("#ledger .body"));
    goal = $("#h-ledger");
  } else if (SECTIONS[hash]) goal = $("#h-" + hash);
  if (!goal) return;
  $$(".entry.target, .question.target").forEach((one) => one.classList.remove("target"));
  if (goal.matches(".entry, .question")) goal.classList.add("target");
  const scroll = () => (kind === "f" ? $("#files") : goal).scrollIntoView({ block: "start", behavior: "instant" });
  scroll();
  requestAnimationFrame(() => requestAnimationFrame(scroll)); // plots above have their height by then
  if (!goal.hasAttribute("tabindex")) goal.setAttribute("tabindex", "-1");
  goal.focus({ preventScroll: true });
}

function setTheme(dark) {
  document.documentElement.dataset.theme = dark ? "dark" : "light";
  $("#theme").setAttribute("aria-pressed", String(dark));
  drawCanvases();
}

const darkWanted = matchMedia("(prefers-color-scheme: dark)");
setTheme(darkWanted.matches);
darkWanted.addEventListener("change", (event) => setTheme(event.matches));
$("#theme").addEventListener("click", () => setTheme(document.documentElement.dataset.theme !== "dark"));

$("#app").append(...DATA.apps.map((app) => h("option", { value: app.name }, app.name)));
$(".app-choice").hidden = DATA.apps.length < 2;
$("#app").addEventListener("change", () => chooseApp(DATA.apps.find((app) => app.name === $("#app").value)));

addEventListener("beforeprint", () => {
  setTheme(false);
  buildAll();
  // Paper is for what moves: the batches are unfolded. Roles print as far as they are open, since the ledger has every task.
  $$("details.job, details.group").filter((one) => !one.closest(".chores")).forEach((one) => { one.dataset.was ??= one.open ? "open" : "closed"; one.open = true; });
  buildAll();
  drawCanvases(PAPER_PX);
});
addEventListener("afterprint", () => {
  setTheme(darkWanted.matches);
  drawCanvases();
  $$("details[data-was]").forEach((one) => { one.open = one.dataset.was === "open"; delete one.dataset.was; });
});
$("#print").addEventListener("click", () => print());

const spy = new IntersectionObserver((entries) => {
  for (const entry of entries) if (entry.isIntersecting) {
    $$("#toc a").forEach((link) => link.removeAttribute("aria-current"));
    $(`#toc a[href="#${entry.target.id}"]`)?.setAttribute("aria-current", "true");
  }
}, { rootMargin: "-20% 0px -70% 0px" });
$$("main > section").forEach((section) => spy.observe(section));

let resizing = 0;
addEventListener("resize", () => {
  clearTimeout(resizing);
  resizing = setTimeout(drawCanvases, 200);
});

addEventListener("hashchange", follow);
if (current) chooseApp(current);
follow();
document.documentElement.dataset.ready = "1";
