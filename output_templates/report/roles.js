/* Per role: its tasks on the left, the lines they became on the right. */
function drawRoles(body) {
  const roles = new Map();
  for (const one of current.decisions) {
    if (one.k !== "task" && one.k !== "handler") continue;
    const name = one.r || t("page.no-role");
    if (!roles.has(name)) roles.set(name, []);
    roles.get(name).push(one);
  }
  if (!roles.size) { body.replaceChildren(h("p", { class: "empty" }, t("page.nothing"))); return; }
  body.replaceChildren(...[...roles].map(([name, decisions]) => {
    const counts = {};
    for (const one of decisions) counts[one.o] = (counts[one.o] || 0) + 1;
    const inside = h("div", { class: "inside" });
    const box = h("details", { class: "role", "data-role": name, ontoggle: () => { if (box.open) build(inside); } },
      h("summary", {}, h("span", { class: "name" }, name), h("span", { class: "count grow" }, t("summary.tasks", { count: decisions.length })),
        Object.entries(counts).map(([outcome, count]) => h("span", { title: t("outcome." + outcome) }, h("i", { class: "dot o-" + outcome }), count))),
      inside);
    waiting.set(inside, () => inside.append(...decisions.map(sides)));
    return box;
  }));
}

function sides(one) {
  const byFile = new Map();
  for (const [file, line] of one.out || []) {
    if (!byFile.has(file)) byFile.set(file, []);
    if (line) byFile.get(file).push(line);
  }
  return h("div", { class: "sides" },
    h("div", {}, h("div", { class: "name" }, one.n || one.m), h("p", { class: "where" }, h("a", { href: "#d=" + one.id, class: "where" }, one.s)),
      one.x ? h("pre", { class: "source" }, one.x) : h("code", {}, one.m)),
    h("div", {}, outcomeMark(one.o), " ", h("span", { class: "where" }, one.u || t("page.no-rule")), h("p", {}, rich(one.w)),
      [...byFile].slice(0, 8).map(([file, lines]) => excerpt(file, [...new Set(lines)].sort((a, b) => a - b).slice(0, 12))),
      byFile.size > 8 && h("p", { class: "count" }, t("summary.more", { count: byFile.size - 8 }))));
}

function excerpt(file, lines) {
  const text = DATA.files[file] && DATA.files[file].text;
  const rows = text ? text.split("\n") : [];
  return h("div", {}, outputLink(file, lines[0], file),
    rows.length > 0 && lines.length > 0 && h("div", { class: "lines code" }, lines.map((line) =>
      h("a", { href: "#f=" + encodeURIComponent(file) + ":" + line }, h("i", {}, line), h("span", {}, rows[line - 1] || "")))));
}
