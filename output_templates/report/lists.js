/* Drift, secrets and parameters, problems: plain tables. */
function table(caption, heads, rows) {
  return h("table", { class: "list" }, h("caption", { class: "hidden" }, caption), h("thead", {}, h("tr", {}, heads.map((head) => h("th", { scope: "col" }, head)))), h("tbody", {}, rows.map((row) => h("tr", {}, row.map((cell) => h("td", {}, cell))))));
}

function drawDrift(body) {
  if (!current.drift.length) { body.replaceChildren(h("p", { class: "empty" }, t("page.no-drift"))); return; }
  body.replaceChildren(table(t("page.drift"), [t("page.kind"), t("page.name"), t("page.seen"), t("page.what"), t("page.proposal")],
    current.drift.map((one) => [t("kind." + one.kind), h("code", {}, one.name), h("span", { class: "badge " + (one.seen === "differs" ? "warnly" : "") }, t("seen." + one.seen)), [rich(one.details), one.source && [h("br"), place(one.source)]], rich(one.proposal)])));
}

function drawValues(body) {
  const { secrets, parameters } = current;
  if (!secrets.length && !parameters.length) { body.replaceChildren(h("p", { class: "empty" }, t("page.nothing"))); return; }
  body.replaceChildren(
    secrets.length ? h("div", {}, h("h3", {}, t("page.secrets")), h("p", { class: "hint" }, t("page.secrets-hint")),
      table(t("page.secrets"), [t("page.name"), t("page.why"), t("page.defined"), t("page.used")], secrets.map((one) => [h("code", {}, one.name), one.reason, place(one.source), one.used.map((at) => [place(at), h("br")])]))) : "",
    parameters.length ? h("div", {}, h("h3", {}, t("page.parameters")), h("p", { class: "hint" }, t("page.parameters-hint")),
      table(t("page.parameters"), [t("page.name"), t("page.values-by-host"), t("page.why")], parameters.map((one) => [h("code", {}, one.name), one.values.map(([host, value]) => h("div", {}, host + ": ", h("code", {}, value))), [one.reason, " ", place(one.source)]]))) : "");
}

function drawProblems(body) {
  if (!DATA.problems.length) { body.replaceChildren(h("p", { class: "empty" }, t("page.no-problems"))); return; }
  const tone = { error: "alert", warning: "warnly", note: "" };
  body.replaceChildren(table(t("page.problems"), ["", t("page.what"), t("page.where"), t("page.to-do")],
    DATA.problems.map((one) => [h("span", { class: "badge " + tone[one.severity] }, t("severity." + one.severity)), [rich(one.message), " ", h("span", { class: "where" }, one.code)], place(one.source), rich(one.hint)])));
}
