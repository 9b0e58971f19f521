/* The bundle's files, line by line, each with its rule and a link back to its source. */
function filesOf(app) {
  return Object.keys(DATA.files).filter((path) => !app || !DATA.apps.some((one) => one !== app && path.startsWith(one.name + "/")));
}

function drawFiles(body) {
  const paths = filesOf(current);
  if (!paths.length) { body.replaceChildren(h("p", { class: "empty" }, t("page.nothing"))); return; }
  const choice = h("select", { id: "file", onchange: () => { location.hash = "f=" + encodeURIComponent(choice.value); } },
    paths.map((path) => h("option", { value: path }, path)));
  const viewer = h("div", { class: "viewer", id: "viewer", tabindex: "0", role: "region", "aria-label": t("page.files") });
  body.replaceChildren(h("div", { class: "row controls" }, h("label", {}, t("page.file") + " ", choice), h("span", { class: "count", id: "file-size" })), viewer);
  showFile(paths.find((path) => path.endsWith("/Dockerfile")) || paths[0], 0);
}

function showFile(path, line) {
  const body = $("#files .body");
  build(body);
  const choice = $("#file");
  const file = DATA.files[path];
  if (!choice || !file) return null;
  choice.value = path;
  $("#file-size").textContent = number(file.size) + " B";
  const viewer = $("#viewer");
  if (viewer.dataset.path !== path) {
    viewer.dataset.path = path;
    viewer.upTo = null;
    if (file.text === null) viewer.replaceChildren(h("p", { class: "empty" }, t("page.not-shown")));
    else {
      const rows = file.text.replace(/\n$/, "").split("\n");
      const list = h("ol", {});
      viewer.replaceChildren(list);
      let shown = 0;
      const more = () => {
        for (const end = Math.min(rows.length, shown + 400); shown < end; shown++) list.append(fileLine(path, rows[shown], shown + 1, file));
        if (shown < rows.length) { const mark = h("li", {}); list.append(mark); later(mark, () => { mark.remove(); more(); }); }
      };
      more();
      viewer.upTo = (wanted) => { while (wanted > shown && shown < rows.length) { const mark = list.lastChild; waiting.delete(mark); mark.remove(); more(); } };
    }
  }
  if (viewer.upTo) viewer.upTo(line);
  const row = line ? document.getElementById("line-" + line) : null;
  $$(".target", viewer).forEach((one) => one.classList.remove("target"));
  if (row) {
    row.classList.add("target");
    row.parentElement.scrollTop = row.offsetTop - row.parentElement.offsetTop - 120;
  }
  return row || viewer;
}

function fileLine(path, text, line, file) {
  const reasons = (file.lines[line] || []).map((index) => DATA.reasons[index]);
  const [rule, sources, note] = reasons[0] || ["", [], ""];
  const known = sources.find((source) => bySource.has(source));
  const title = reasons.map((one) => [one[0], one[1].join(", "), one[2]].filter(Boolean).join(" ← ")).join("\n");
  const why = known ? h("a", { href: "#d=" + bySource.get(known)[0].id }, sources.join(", ")) : sources.length ? sources.join(", ") : rule;
  return h("li", { id: "line-" + line }, h("span", {}, line), h("span", {}, text), h("span", { title, class: "where" }, why));
}
