/* What `verify` found: the checks of the built image, and the comparison with a run of the real playbook. */
function drawFidelity(body) {
  const result = ((FIDELITY && FIDELITY.applications) || []).find((one) => one.name === current.name);
  if (!result) { body.replaceChildren(h("p", { class: "empty" }, t("page.not-verified"))); return; }
  const tone = { ok: "good", failed: "alert", skipped: "warnly" };
  const different = result.differences || [];
  const total = (key) => (result.counts || []).reduce((sum, one) => sum + one[key], 0);
  const unexplained = different.filter((one) => one.standing === "unexplained");
  const explained = result.explained_by || [];
  body.replaceChildren(
    table(t("page.checks"), [t("page.check"), t("page.result"), t("page.what")], (result.checks || []).map((one) => [one.name, h("span", { class: "badge " + (tone[one.status] || "") }, one.status), h("span", { class: "code", style: "white-space:pre-wrap" }, one.detail)])),
    result.compared ? h("div", {}, h("h3", {}, t("page.compared")),
      table(t("page.compared"), [t("page.kind"), t("page.same"), t("page.explained"), t("page.unexplained")],
        [...(result.counts || []).map((one) => [one.kind, number(one.same), number(one.explained), one.unexplained ? h("b", { class: "badge alert" }, number(one.unexplained)) : "0"]),
          [h("b", {}, t("page.total")), h("b", {}, number(total("same"))), h("b", {}, number(total("explained"))), h("b", {}, number(total("unexplained")))]]),
      unexplained.length ? h("div", {}, h("h3", {}, t("page.unexplained")), table(t("page.unexplained"), [t("page.kind"), t("page.name"), t("page.in-image"), t("page.in-playbook")], unexplained.slice(0, 200).map((one) => [one.kind, h("code", {}, one.name), one.image, one.playbook]))) : "",
      explained.length ? h("div", {}, h("h3", {}, t("page.explained-by")), h("p", {}, result.how || ""),
        table(t("page.explained-by"), ["", t("page.result"), t("page.name"), t("page.why")], explained.map((one) => [
          h("span", { class: "n" }, number(one.count)), [h("span", { class: "badge" }, one.outcome), " ", h("code", {}, one.source)],
          [one.count > 1 ? h("div", {}, one.kinds) : "", one.examples.map((name) => [h("code", {}, name), " "])], rich(one.reason)]))) : "") : "");
}
