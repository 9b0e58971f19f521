/* Open questions, each with its answers; what is chosen becomes lines for migrate.yml. */
const chosen = new Map();

function drawQuestions(body) {
  if (!DATA.questions.length) { body.replaceChildren(h("p", { class: "empty" }, t("summary.nothing-open"))); return; }
  const output = h("pre", { id: "migrate-yml", tabindex: "0", "aria-label": "migrate.yml" });
  const button = h("button", { type: "button", onclick: () => copy(output.textContent, button) }, t("page.copy"));
  const update = () => { output.textContent = decisionsText(); };
  body.replaceChildren(
    h("div", {}, DATA.questions.map((one, index) => questionCard(one, index, update))),
    h("div", { class: "answers" }, h("div", { class: "row spread" }, h("b", {}, t("page.for-migrate")), button), output));
  update();
}

function questionCard(one, index, update) {
  const own = h("input", { type: "text", size: 30, "aria-label": t("page.own-answer"), oninput: () => { radios.at(-1).checked = true; choose(own.value); } });
  const choose = (answer) => { answer ? chosen.set(index, answer) : chosen.delete(index); update(); };
  const radio = (label, value) => h("input", { type: "radio", name: "q" + index, value, onchange: () => choose(label === own ? own.value : value) });
  const radios = [radio("", ""), ...one.answers.map((answer) => radio(answer, answer)), radio(own, "own")];
  radios[0].checked = !chosen.has(index);
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
  return document.getElementById("q-" + id);
}
