/* Every decision, filtered and searched, rendered a hundred at a time. */
const ledger = { text: "", outcomes: new Set(), kind: "", role: "", open: false };

function drawLedger(body) {
  const kinds = [...new Set(current.decisions.map((one) => one.k))];
  const roles = [...new Set(current.decisions.map((one) => one.r))].sort();
  const outcomes = [...new Set(current.decisions.map((one) => one.o))];
  const update = () => fillLedger($("#entries"), $("#ledger-count"));
  const search = h("input", { type: "search", id: "ledger-search", placeholder: t("page.search"), "aria-label": t("page.search"), value: ledger.text,
    oninput: () => { ledger.text = search.value; update(); } });
  const choose = (name, label, values, show) => {
    const select = h("select", { id: "ledger-" + name, "aria-label": label, onchange: () => { ledger[name] = select.value; update(); } },
      h("option", { value: "" }, label), values.map((value) => h("option", { value, selected: ledger[name] === value }, show ? show(value) : value)));
    return select;
  };
  const chip = (outcome) => h("button", { type: "button", "aria-pressed": String(ledger.outcomes.has(outcome)), "data-outcome": outcome,
    onclick: (event) => {
      const button = event.currentTarget;
      ledger.outcomes.has(outcome) ? ledger.outcomes.delete(outcome) : ledger.outcomes.add(outcome);
      button.setAttribute("aria-pressed", String(ledger.outcomes.has(outcome)));
      update();
    } }, outcomeMark(outcome), " ", current.decisions.filter((one) => one.o === outcome).length);
  const open = h("button", { type: "button", id: "ledger-open", "aria-pressed": String(ledger.open),
    onclick: () => { ledger.open = !ledger.open; open.setAttribute("aria-pressed", String(ledger.open)); update(); } }, t("page.only-open"));
  body.replaceChildren(
    h("div", { class: "filters", role: "search" },
      h("div", { class: "row" }, search, choose("kind", t("page.any-kind"), kinds), choose("role", t("page.any-role"), roles.filter(Boolean)), open),
      h("div", { class: "chips" }, outcomes.map(chip)),
      h("div", { class: "count", id: "ledger-count", role: "status", "aria-live": "polite" })),
    h("div", { id: "entries" }));
  update();
}

function matching() {
  const words = ledger.text.toLowerCase().split(/\s+/).filter(Boolean);
  return current.decisions.filter((one) => {
    if (ledger.outcomes.size && !ledger.outcomes.has(one.o)) return false;
    if (ledger.kind && one.k !== ledger.kind) return false;
    if (ledger.role && one.r !== ledger.role) return false;
    if (ledger.open && (!one.q || one.done)) return false;
    if (!words.length) return true;
    const hay = [one.n, one.s, one.r, one.m, one.u, one.w, one.o, one.id, ...(one.out || []).map((out) => out[0])].join(" ").toLowerCase();
    return words.every((word) => hay.includes(word));
  });
}

function fillLedger(list, count) {
  const found = matching();
  count.textContent = t("page.shown", { count: found.length, total: current.decisions.length });
  list.replaceChildren();
  let shown = 0;
  const more = () => {
    for (const end = Math.min(found.length, shown + 100); shown < end; shown++) list.append(entry(found[shown]));
    if (shown < found.length) { const mark = h("div", { class: "more" }, "…"); list.append(mark); later(mark, () => { mark.remove(); more(); }); }
  };
  more();
  if (!found.length) list.append(h("p", { class: "empty" }, t("page.nothing")));
}

function entry(one) {
  return h("article", { class: "entry", id: "d-" + one.id, "data-id": one.id },
    h("div", {}, outcomeMark(one.o), h("div", {}, h("span", { class: "badge" }, one.k))),
    h("div", {},
      h("div", {}, h("span", { class: "name" }, one.n || one.m), " ", one.m && h("code", {}, one.m), " ",
        one.a && h("span", { class: "badge warnly" }, t("page.applies-" + one.a)), " ",
        one.done && h("span", { class: "badge good" }, t("page.answered"))),
      h("p", {}, rich(one.w)),
      h("p", { class: "where" }, h("a", { href: "#d=" + one.id, class: "where" }, one.s), one.r && " · " + one.r, " · ", one.u || t("page.no-rule"),
        one.q && !one.done && [" · ", h("a", { href: "#q=" + encodeURIComponent(one.q) }, t("page.question"))]),
      one.out && outputs(one.out)));
}

/* A link a file, with its first line and how many more lines there are. */
function outputs(out) {
  const files = new Map();
  for (const [file, line] of out) {
    if (!files.has(file)) files.set(file, new Set());
    if (line) files.get(file).add(line);
  }
  const all = [...files];
  return h("div", { class: "outs" }, all.slice(0, 8).map(([file, lines]) => {
    const sorted = [...lines].sort((a, b) => a - b);
    return h("span", {}, outputLink(file, sorted[0] || 0, file.split("/").slice(1).join("/") + (sorted.length ? ":" + sorted[0] : "")), sorted.length > 1 ? " +" + (sorted.length - 1) : "");
  }), all.length > 8 && h("span", {}, t("summary.more", { count: all.length - 8 })));
}

function showDecision(id) {
  for (const app of DATA.apps) {
    const one = app.decisions.find((each) => each.id === id);
    if (!one) continue;
    if (app !== current) chooseApp(app);
    build($("#ledger .body"));
    if (!document.getElementById("d-" + id)) {
      Object.assign(ledger, { text: id, kind: "", role: "", open: false });
      ledger.outcomes.clear();
      drawLedger($("#ledger .body"));
    }
    return document.getElementById("d-" + id);
  }
  return null;
}
