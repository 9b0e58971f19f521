/* One folded card for each job: what cron did, what takes its place, the proof, what it needs. */
function drawJobs(body) {
  if (!current.jobs.length) { body.replaceChildren(h("p", { class: "empty" }, t("page.no-jobs"))); return; }
  const list = h("div", { id: "job-list" });
  const search = h("input", { type: "search", id: "job-search", placeholder: t("page.search-jobs"), "aria-label": t("page.search-jobs"), oninput: () => fill() });
  const choice = h("select", { id: "job-filter", "aria-label": t("page.any-outcome"), onchange: () => fill() },
    h("option", { value: "" }, t("page.any-outcome")),
    [...new Set(current.jobs.map((job) => job.outcome))].map((one) => h("option", { value: one }, t("job." + one))));
  const count = h("span", { class: "count", role: "status", "aria-live": "polite" });
  const fill = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const found = current.jobs.filter((job) => (!choice.value || job.outcome === choice.value)
      && words.every((word) => [job.id, job.command, job.schedule, job.user, job.reason].join(" ").toLowerCase().includes(word)));
    count.textContent = t("page.shown", { count: found.length, total: current.jobs.length });
    const rest = found.filter((job) => job.outcome === "platform" || job.outcome === "skipped");
    const first = found.filter((job) => !rest.includes(job)).sort((a, b) => (b.outcome === "manual") - (a.outcome === "manual"));
    list.replaceChildren(...first.map(jobCard));
    if (!rest.length) return;
    const fold = h("details", { class: "job chores", open: !first.length || Boolean(words.length) || Boolean(choice.value) },
      h("summary", {}, h("span", { class: "name" }, t("page.chores", { count: rest.length }))), h("div", { class: "inside" }, rest.map(jobCard)));
    list.append(fold);
  };
  body.replaceChildren(h("div", { class: "row controls" }, search, choice, count), list);
  fill();
}

function jobCard(job) {
  const inside = h("div", { class: "inside" });
  const card = h("details", { class: "job", id: "j-" + job.id, ontoggle: () => { if (card.open) build(inside); } },
    h("summary", {}, h("span", { class: "name" }, job.id), h("code", {}, job.schedule.replace(/\n/g, ", ")), h("span", { class: "grow" }),
      job.outcome === "schedule" ? [h("span", { class: "badge " + (job.class === "heavy" ? "accent" : "") }, t("class." + job.class)), verdictBadge(job.proof)]
        : h("span", { class: "badge " + (job.outcome === "manual" ? "alert" : "") }, t("job." + job.outcome)),
      job.answered.length > 0 && h("span", { class: "badge good" }, t("page.answered")),
      !job.enabled && h("span", { class: "badge warnly" }, t("page.disabled"))),
    inside);
  waiting.set(inside, () => fillJob(inside, job));
  return card;
}

function fillJob(inside, job) {
  const proof = job.proof;
  const foot = job.footprint;
  const fact = (label, value, small) => h("div", {}, h("span", {}, label), h("b", {}, value), small && [" ", h("small", {}, small)]);
  const range = (pair, unit) => pair ? `${number(pair[0], 0)}–${number(pair[1], 0)}${unit}` : "";
  inside.append(h("p", {}, rich(job.reason), job.question && [" ", h("a", { href: "#q=" + encodeURIComponent(job.question) }, t("page.question"))]));
  inside.append(h("div", { class: "pair" },
    h("div", {}, h("h4", {}, t("page.before")),
      h("pre", {}, job.schedule + "  " + job.user + "  " + job.command),
      h("p", {}, job.sources.map((source) => [place(source), h("br")]), job.timezone)),
    h("div", {}, h("h4", {}, t("page.after")),
      job.expressions.map((one) => h("pre", {}, one.text + "  " + one.timezone + (one.role === "catch-up" ? "  (" + t("page.catch-up") + ")" : ""))),
      job.container.length > 0 && h("pre", {}, job.container.map((word) => /^[\w@%+=:,./-]+$/.test(word) ? word : "'" + word.replaceAll("'", "'\"'\"'") + "'").join(" ")),
      job.environment.length > 0 && h("pre", {}, job.environment.join("\n")))));
  if (proof) {
    inside.append(h("h4", {}, t("page.proof")), h("p", {}, verdictBadge(proof), " ", proof.deduplicated && h("span", { class: "badge" }, t("page.deduplicated")), " ", rich(proof.method)));
    const rows = [...proof.differences, ...(proof.differences.length ? [] : [...proof.missed.map((at) => [at, t("page.missed")]), ...proof.extra.map((at) => [at, t("page.extra")])])];
    if (rows.length) inside.append(h("table", {}, h("tbody", {}, rows.slice(0, 40).map(([at, what]) => h("tr", {}, h("td", { class: "where" }, at), h("td", {}, what))))),
      rows.length > 40 && h("p", { class: "count" }, t("summary.more", { count: rows.length - 40 })));
  }
  inside.append(h("h4", {}, t("page.footprint")), h("div", { class: "facts" },
    fact("vCPU", number(foot.vcpu)), fact(t("page.cpu-seconds"), number(foot.cpu, 1), [range(foot.cpuInterval, ""), t("confidence." + foot.cpuConfidence)].filter(Boolean).join(", ")),
    fact(t("page.memory"), foot.memory === null ? "–" : number(foot.memory) + " MiB", [range(foot.memoryInterval, " MiB"), t("confidence." + foot.memoryConfidence)].filter(Boolean).join(", ")),
    fact(t("page.duration"), seconds(foot.duration)), fact(t("page.runs"), number(foot.runs)), fact(t("page.confidence"), t("confidence." + foot.confidence))),
    ...[foot.basis, job.sizing, foot.advice].filter(Boolean).map((said) => h("p", { class: "hint" }, rich(said))));
  inside.append(h("h4", {}, t("page.watch")), h("div", { class: "facts" },
    fact(t("page.end-marker"), job.end || "–", job.endAdded ? t("page.added") : ""), fact(t("page.longest-gap"), seconds(job.gap)),
    fact(t("page.timeout"), seconds(job.timeout)), fact(t("page.overlap"), job.flight ? t("page.flight-" + job.flight) : t("page.flight-none"), job.lock)));
  if (job.notes.length) inside.append(h("ul", {}, job.notes.map((note) => h("li", {}, rich(note)))));
  const path = Object.keys(DATA.files).find((one) => one.startsWith(current.name + "/") && one.endsWith("/state_machines/" + job.id + ".asl.json"));
  if (path && DATA.files[path].text) {
    let definition = null;
    try { definition = JSON.parse(DATA.files[path].text); } catch { definition = null; }
    if (definition && definition.States) inside.append(h("h4", {}, t("page.state-machine"), " ", outputLink(path, 0, path.split("/").pop())),
      h("div", { class: "machine-box", tabindex: "0", role: "region", "aria-label": t("page.state-machine") + " " + job.id }, machinePicture(definition, t("page.state-machine") + " " + job.id)));
  }
  const files = Object.keys(DATA.files).filter((one) => one.startsWith(current.name + "/") && one.endsWith("/" + job.id + ".json"));
  if (files.length) inside.append(h("p", {}, files.map((file) => [outputLink(file, 0), " "])));
}

function showJob(id) {
  build($("#jobs .body"));
  const card = document.getElementById("j-" + id);
  for (let box = card; box; box = box.parentElement.closest("details")) box.open = true;
  return card;
}
