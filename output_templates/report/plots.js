/* CPU and memory of the hosts: measured, the API's share, what the jobs add, their runs, and the sizes as lines. */
const COLOURS = ["--o-schedule", "--o-infrastructure", "--o-secret", "--o-deploy", "--o-process", "--o-image", "--o-task-definition", "--o-platform"];
const PAPER_PX = 680; // the width that A4 leaves between the margins
const drawn = [];

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function drawPlots(body) {
  drawn.splice(0).forEach((plot) => plot.destroy());
  if (!current.plots.length) { body.replaceChildren(h("p", { class: "empty" }, t("page.no-metrics"))); return; }
  body.replaceChildren();
  const carried = new Map(current.jobs.filter((job) => job.outcome === "schedule" || job.outcome === "manual").map((job) => [job.id, job]));
  const jobs = [...new Set(current.plots.flatMap((plot) => plot.runs.map((run) => run.job)))].filter((job) => carried.has(job));
  const paint = new Map(jobs.map((job, index) => [job, COLOURS[index % COLOURS.length]]));
  for (const plot of current.plots) {
    const days = Math.max(1, (plot.mean.length * plot.step) / 86400);
    const runs = plot.runs.filter((run) => carried.has(run.job));
    const shaded = new Set(runs.filter((run) => run.starts.length / days <= 2 && carried.get(run.job).class === "heavy").map((run) => run.job));
    body.append(plotFigure({ ...plot, runs }, paint, shaded));
  }
  requestAnimationFrame(() => drawCanvases());
}

/* Every plot anew, in the colours of the theme; `width` in pixels, else as wide as its place. */
function drawCanvases(width) {
  $$(".plot").forEach((figure) => figure.draw && figure.draw(width));
}

function plotFigure(plot, paint, shaded) {
  const isCpu = plot.what === "cpu";
  const limits = current.definitions.map((one) => ({ name: one.name, value: isCpu ? one.cpu / 1024 : one.memory }));
  const canvas = h("div", { class: "canvas" });
  const peak = Math.max(...plot.peak.filter((value) => value !== null), 0);
  const title = (isCpu ? t("page.plot-cpu") : t("page.plot-memory")) + " · " + plot.host;
  const zoom = h("button", { type: "button" }, t("page.zoom-out"));
  const figure = h("figure", { class: "plot" }, h("div", { class: "row spread" }, h("h3", {}, title), zoom),
    h("ul", { class: "legend" },
      legendItem("--accent", t("page.measured")), legendItem("--o-process", t("page.api-share")), legendItem("--o-schedule", t("page.jobs-share")),
      limits.map((limit) => h("li", {}, h("i", { class: "dot dash" }), limit.name + " " + number(limit.value) + " " + (isCpu ? "vCPU" : "MiB")))),
    canvas,
    h("div", { class: "chips", role: "group", "aria-label": t("page.shade") }, h("span", { class: "count" }, t("page.shade")), plot.runs.map((run) => h("button", { type: "button", "aria-pressed": String(shaded.has(run.job)),
      onclick: (event) => {
        shaded.has(run.job) ? shaded.delete(run.job) : shaded.add(run.job);
        event.currentTarget.setAttribute("aria-pressed", String(shaded.has(run.job)));
        if (figure.plot) figure.plot.redraw();
      } }, h("i", { class: "dot", style: "background:var(" + paint.get(run.job) + ")" }), run.job + " " + run.starts.length))),
    h("figcaption", {}, t("page.plot-caption", { peak: number(peak), unit: plot.unit, days: number((plot.mean.length * plot.step) / 86400, 1), origin: plot.origin, step: seconds(plot.step) })));
  figure.draw = (width) => {
    canvas.replaceChildren();
    const times = plot.mean.map((_, index) => plot.start + index * plot.step);
    const axis = { stroke: colour("--soft"), grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line") } };
    const top = Math.max(peak, ...limits.map((limit) => limit.value)) * 1.08 || 1;
    const instance = new uPlot({
      width: width || Math.max(300, canvas.clientWidth || 800), height: 300, tzDate: (at) => uPlot.tzDate(new Date(at * 1e3), current.timezone || "UTC"),
      legend: { show: false }, cursor: { drag: { x: true, y: false } },
      scales: { y: { range: [0, top] } },
      axes: [{ ...axis, values: stamps }, { ...axis, size: 62, label: plot.unit, stroke: colour("--soft") }],
      series: [{},
        { stroke: colour("--accent"), width: 1, label: "mean" },
        { stroke: "transparent", fill: colour("--o-process") + "55", label: "api" },
        { stroke: colour("--o-schedule"), width: 1, label: "jobs" },
        { stroke: colour("--accent") + "66", width: 1, label: "peak" }],
      hooks: { drawClear: [(u) => runsBehind(u, plot, paint, shaded)], draw: [(u) => limitLines(u, limits)] },
    }, [times, plot.mean, plot.baseline, plot.jobs, plot.peak], canvas);
    figure.plot = instance;
    $("canvas", canvas).setAttribute("role", "img");
    $("canvas", canvas).setAttribute("aria-label", title + ". " + figure.lastChild.textContent);
    zoom.onclick = () => instance.setScale("x", { min: times[0], max: times.at(-1) });
    drawn.push(instance);
  };
  return figure;
}

function legendItem(name, label) {
  return h("li", {}, h("i", { class: "dot", style: "background:var(" + name + ")" }), label);
}

function stamps(u, splits) {
  const zone = { timeZone: current.timezone || "UTC", hourCycle: "h23" };
  const narrow = u.scales.x.max - u.scales.x.min < 3 * 86400;
  return splits.map((at) => new Date(at * 1e3).toLocaleString(document.documentElement.lang, narrow ? { ...zone, month: "numeric", day: "numeric", hour: "2-digit", minute: "2-digit" } : { ...zone, month: "numeric", day: "numeric" }));
}

function runsBehind(u, plot, paint, shaded) {
  const { ctx, bbox } = u;
  ctx.save();
  for (const run of plot.runs) {
    if (!shaded.has(run.job)) continue;
    ctx.fillStyle = colour(paint.get(run.job)) + "40";
    run.starts.forEach((start, index) => {
      const from = u.valToPos(start, "x", true), to = u.valToPos(Math.max(run.ends[index] || start, start + 1), "x", true);
      if (to < bbox.left || from > bbox.left + bbox.width) return;
      ctx.fillRect(Math.max(from, bbox.left), bbox.top, Math.max(1, Math.min(to, bbox.left + bbox.width) - from), bbox.height);
    });
  }
  ctx.restore();
}

function limitLines(u, limits) {
  const { ctx, bbox } = u;
  ctx.save();
  ctx.setLineDash([6, 4]);
  ctx.strokeStyle = ctx.fillStyle = colour("--ink");
  const ratio = devicePixelRatio || 1;
  ctx.font = 11 * ratio + "px system-ui, sans-serif";
  ctx.textAlign = "right";
  ctx.textBaseline = "alphabetic";
  const used = [];
  for (const limit of limits) {
    const y = u.valToPos(limit.value, "y", true);
    if (y < bbox.top || y > bbox.top + bbox.height) continue;
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
    const along = used.filter((other) => Math.abs(other - y) < 14 * ratio).length;
    used.push(y);
    ctx.fillText(limit.name, bbox.left + bbox.width - (6 + along * 110) * ratio, y - 4 * ratio);
  }
  ctx.restore();
}
