/* What `verify` found: the checks of the built image, and the comparison with runs of the real playbook. */
function drawFidelity(body) {
  const result = ((FIDELITY && FIDELITY.applications) || []).find((one) => one.name === current.name);
  if (!result) { body.replaceChildren(h("p", { class: "empty" }, t("page.not-verified"))); return; }
  const tone = { ok: "good", failed: "alert", skipped: "warnly" };
  const kind = (name) => t("kind." + name);
  body.replaceChildren(
    verdict(result),
    table(t("page.checks"), [t("page.check"), t("page.result"), t("page.what")], (result.checks || []).map((one) => [one.name, h("span", { class: "badge " + (tone[one.status] || "") }, one.status), h("span", { class: "code", style: "white-space:pre-wrap" }, one.detail)])),
    result.compared ? compared(result, kind) : "");
}

function counted(result, key) {
  return (result.counts || []).reduce((sum, one) => sum + one[key], 0);
}

function verdict(result) {
  if (!result.compared) return h("p", {}, t("page.fidelity-only-built"));
  const [same, explained, unexplained] = ["same", "explained", "unexplained"].map((key) => counted(result, key));
  const words = t(unexplained ? "page.fidelity-bad" : "page.fidelity-good", { same: number(same), explained: number(explained), unexplained: number(unexplained) });
  return h("p", { class: "verdict" }, h("span", { class: "badge " + (unexplained ? "alert" : "good") }, number(unexplained) + " " + t("page.unexplained")), " ", words);
}

function kinds(one, kind) {
  if (document.documentElement.lang === "en") return one.kinds;
  return Object.entries(one.by_kind || {}).map(([name, count]) => kind(name) + " " + number(count)).join(", ");
}

function compared(result, kind) {
  const unexplained = (result.differences || []).filter((one) => one.standing === "unexplained");
  const groups = new Map();
  for (const one of result.explained_by || []) groups.set(one.outcome, [...(groups.get(one.outcome) || []), one]);
  const total = (key) => h("b", {}, number(counted(result, key)));
  const rows = [...groups].flatMap(([outcome, group]) => [
    h("tr", { class: "group" }, h("th", { scope: "rowgroup", colspan: 4 }, number(group.reduce((sum, one) => sum + one.count, 0)) + " " + t("because." + outcome))),
    ...group.map((one) => h("tr", {},
      h("td", { class: "n" }, number(one.count)),
      h("td", {}, one.source ? h("code", {}, one.source) : t("page.preparation")),
      h("td", {}, one.count > 1 ? h("div", {}, kinds(one, kind)) : "", one.examples.map((name) => [h("code", {}, name), " "])),
      h("td", {}, rich(one.reason))))]);
  const left = (result.playbook && result.playbook.not_run) || [];
  return h("div", {},
    h("h3", {}, t("page.compared")),
    table(t("page.compared"), [t("page.kind"), t("page.same"), t("page.explained"), t("page.unexplained")],
      [...(result.counts || []).map((one) => [kind(one.kind), number(one.same), number(one.explained), one.unexplained ? h("b", { class: "badge alert" }, number(one.unexplained)) : "0"]),
        [h("b", {}, t("page.total")), total("same"), total("explained"), total("unexplained")]]),
    unexplained.length ? [h("h3", {}, t("page.unexplained")), table(t("page.unexplained"), [t("page.kind"), t("page.name"), t("page.in-image"), t("page.in-playbook")], unexplained.slice(0, 200).map((one) => [kind(one.kind), h("code", {}, one.name), one.image, one.playbook]))] : "",
    h("p", {}, result.how || ""),
    left.length ? [h("h3", {}, t("page.not-shown")), h("ul", {}, left.map((text) => h("li", {}, text)))] : "",
    result.not_compared ? h("p", {}, h("b", {}, t("page.not-compared")), ": ", result.not_compared) : "",
    result.image && result.image.bytes && result.playbook && result.playbook.bytes ? h("p", {}, t("page.image-size", { image: number(result.image.bytes / 1e6, 0), layers: result.image.layers, playbook: number(result.playbook.bytes / 1e6, 0) })) : "",
    rows.length ? [h("h3", {}, t("page.explained-by")), h("table", { class: "list explained" }, h("caption", { class: "hidden" }, t("page.explained-by")), h("thead", {}, h("tr", {}, ["", t("page.task"), t("page.differs"), t("page.why")].map((head) => h("th", { scope: "col" }, head)))), h("tbody", {}, rows))] : "");
}
