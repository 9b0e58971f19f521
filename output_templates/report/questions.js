/* Open questions, each with its answers; what is chosen becomes lines for migrate.yml. */
const chosen = new Map();

function drawQuestions(body) {
  if (!DATA.questions.length) { body.replaceChildren(h("p", { class: "empty" }, t("summary.nothing-open")), decidedTable()); return; }
  const output = h("pre", { id: "migrate-yml", tabindex: "0", "aria-label": "migrate.yml" });
  const button = h("button", { type: "button", onclick: () => copy(output.textContent, button) }, t("page.copy"));
  const update = () => { output.textContent = decisionsText(); };
  body.replaceChildren(
    h("div", {}, questionGroups(update)),
    h("div", { class: "answers" }, h("div", { class: "row spread" }, h("b", {}, t("page.for-migrate")), button), output), decidedTable());
  update();
}

/* What migrate.yml says already, each line with what it settled. */
function decidedTable() {
  if (!DATA.decided.length) return "";
  const settled = (key) => {
    const id = key.startsWith("answers.") ? key.slice(8) : "";
    const decisions = DATA.apps.flatMap((app) => app.decisions.filter((one) => id && (one.aq || []).includes(id)));
    const job = DATA.apps.flatMap((app) => app.jobs).find((one) => one.answered.includes(id) || key === "jobs." + one.id);
    if (job) return h("a", { href: "#j=" + encodeURIComponent(job.id) }, job.id);
    return decisions.length ? [h("a", { href: "#d=" + decisions[0].id }, decisions[0].n || decisions[0].m), decisions.length > 1 && " +" + (decisions.length - 1)] : "";
  };
  return h("div", { id: "decided" }, h("h3", {}, t("page.decided")), h("p", { class: "hint" }, t("page.decided-hint")), h("table", { class: "list" },
    h("thead", {}, h("tr", {}, [t("page.decision-key"), t("page.decision-value"), t("page.what"), t("page.where")].map((one) => h("th", { scope: "col" }, one)))),
    h("tbody", {}, DATA.decided.map(([key, value, source]) => h("tr", {}, h("td", {}, h("code", {}, key)), h("td", {}, value), h("td", {}, settled(key)), h("td", { class: "where" }, source))))));
}

/* Questions that the same answer may settle lie in one fold, with one choice for all of them. */
function questionGroups(update) {
  let first = 0;
  return DATA.groups.map(([alike, count]) => {
    const indexes = Array.from({ length: count }, (_, at) => first + at);
    first += count;
    if (count === 1) return questionCard(DATA.questions[indexes[0]], indexes[0], update);
    const one = DATA.questions[indexes[0]];
    const inside = h("div", { class: "inside" });
    waiting.set(inside, () => inside.append(...indexes.map((index) => questionCard(DATA.questions[index], index, update))));
    const box = h("details", { class: "group" + (one.blocking ? " blocking" : ""), ontoggle: () => { if (box.open) build(inside); } },
      h("summary", {}, h("span", { class: "name grow" }, rich(alike)), h("span", { class: "badge" + (one.blocking ? " alert" : "") }, t("page.alike", { count }))), inside);
    const all = (answer) => {
      build(inside);
      for (const index of indexes) {
        answer ? chosen.set(index, answer) : chosen.delete(index);
        const radio = $$('input[name="q' + index + '"]', inside).find((input) => input.value === answer);
        if (radio) radio.checked = true;
      }
      update();
    };
    const label = (text, value, checked) => h("label", {}, h("input", { type: "radio", name: "all" + indexes[0], value, checked, onchange: () => all(value) }), value ? h("code", {}, value) : text, value && h("small", {}, meaning(value)));
    return h("div", { class: "question alike" + (one.blocking ? " blocking" : "") }, box, one.answers.length > 0 && h("fieldset", {},
      h("legend", { class: "count" }, t("page.for-all")), label(t("page.later"), "", true), one.answers.map((answer) => label("", answer, false))));
  });
}

function questionCard(one, index, update) {
  const own = h("input", { type: "text", size: 30, placeholder: t("page.own-answer"), "aria-label": t("page.own-answer"), oninput: () => { radios.at(-1).checked = true; choose(own.value); } });
  const choose = (answer) => { answer ? chosen.set(index, answer) : chosen.delete(index); update(); };
  const radio = (label, value) => h("input", { type: "radio", name: "q" + index, value, onchange: () => choose(label === own ? own.value : value) });
  const radios = [radio("", ""), ...one.answers.map((answer) => radio(answer, answer)), radio(own, "own")];
  const at = one.answers.indexOf(chosen.get(index));
  radios[chosen.has(index) ? (at < 0 ? radios.length - 1 : at + 1) : 0].checked = true;
  const labels = [t("page.later"), ...one.answers, own];
  return h("article", { class: "question" + (one.blocking ? " blocking" : ""), id: "q-" + one.id, "data-question": one.id },
    h("fieldset", {}, h("legend", {}, one.subject, " ", one.blocking && h("span", { class: "badge alert" }, t("page.blocking"))),
      h("div", { style: "flex-basis:100%" }, place(one.source), " ", h("span", { class: "where" }, one.id), h("p", {}, rich(one.text)), one.applied && h("p", { class: "hint" }, t("page.default-applied", { answer: one.answers[0] || "" }))),
      radios.map((input, at) => h("label", {}, input, at > 0 && at <= one.answers.length ? [h("code", {}, labels[at]), h("small", {}, meaning(labels[at]))] : labels[at]))));
}

/* What an answer means, where the word alone does not say it. */
function meaning(answer) {
  const said = WORDS["answer." + answer];
  return said === answer ? null : said;
}

function decisionsText() {
  const lines = [...chosen].sort((a, b) => a[0] - b[0]).map(([index, answer]) =>
    "  " + DATA.questions[index].key + ": " + (/^[A-Za-z][\w.-]*$/.test(answer) ? answer : JSON.stringify(answer)));
  return lines.length ? "version: 1\nanswers:\n" + lines.join("\n") + "\n" : t("page.no-answers");
}

function showQuestion(id) {
  build($("#questions .body"));
  const at = DATA.questions.findIndex((one) => one.id === id);
  let first = 0;
  DATA.groups.forEach(([, count], number) => {
    if (count > 1 && at >= first && at < first + count) $$("#questions .body > div > *")[number].querySelector("details").open = true;
    first += count;
  });
  $$("#questions .alike > details[open] > .inside").forEach(build);
  return document.getElementById("q-" + id);
}
