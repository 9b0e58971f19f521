/* CPU and memory of the hosts: measured, the API's share, what the jobs add, their runs, and the sizes as lines. */
const COLOURS = ["--o-schedule", "--o-infrastructure", "--o-secret", "--o-deploy", "--o-process", "--o-image", "--o-task-definition", "--o-platform"];
const drawn = [];

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function drawPlots(body) {
  drawn.splice(0).forEach((plot) => plot.destroy());
  if (!current.plots.length) { body.replaceChildren(h("p", { class: "empty" }, t("page.no-metrics"))); return; }
  body.replaceChildren();
  const jobs = [...new Set(current.plots.flatMap((plot) => plot.runs.map((run) => run.job)))];
  const paint = new Map(jobs.map((job, index) => [job, COLOURS[index % COLOURS.length]]));
  for (const plot of current.plots) body.append(plotFigure(plot, paint));
  requestAnimationFrame(() => $$(".plot", body).forEach((figure) => figure.draw && figure.draw()));
}

function plotFigure(plot, paint) {
  const isCpu = plot.what === "cpu";
  const limits = current.definitions.map((one) => ({ name: one.name, value: isCpu ? one.cpu / 1024 : one.memory }));
  const canvas = h("div", {});
  const peak = Math.max(...plot.peak.filter((value) => value !== null), 0);
  const title = (isCpu ? t("page.plot-cpu") : t("page.plot-memory")) + " · " + plot.host;
  const zoom = h("button", { type: "button" }, t("page.zoom-out"));
  const figure = h("figure", { class: "plot" }, h("div", { class: "row spread controls" }, h("h3", {}, title), zoom),
    h("ul", { class: "legend" },
      legendItem("--accent", t("page.measured")), legendItem("--o-process", t("page.api-share")), legendItem("--o-schedule", t("page.jobs-share")),
      limits.map((limit) => h("li", {}, h("i", { class: "dot", style: "background:none;border-top:2px dashed var(--ink)" }), limit.name + " " + number(limit.value) + " " + (isCpu ? "vCPU" : "MiB")))),
    canvas,
    h("ul", { class: "legend" }, plot.runs.map((run) => legendItem(paint.get(run.job), h("a", { href: "#j=" + encodeURIComponent(run.job) }, run.job + " (" + run.starts.length + ")")))),
    h("figcaption", {}, t("page.plot-caption", { peak: number(peak), unit: plot.unit, days: number((plot.mean.length * plot.step) / 86400, 1), origin: plot.origin, step: seconds(plot.step) })));
  figure.draw = () => {
    canvas.replaceChildren();
    const times = plot.mean.map((_, index) => plot.start + index * plot.step);
    const axis = { stroke: colour("--soft"), grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line") } };
    const top = Math.max(peak, ...limits.map((limit) => limit.value)) * 1.08 || 1;
    const instance = new uPlot({
      width: Math.max(300, canvas.clientWidth || 800), height: 300, tzDate: (at) => uPlot.tzDate(new Date(at * 1e3), current.timezone || "UTC"),
      legend: { show: false }, cursor: { drag: { x: true, y: false } },
      scales: { y: { range: [0, top] } },
      axes: [{ ...axis, values: stamps }, { ...axis, size: 62, label: plot.unit, stroke: colour("--soft") }],
      series: [{},
        { stroke: colour("--accent"), width: 1, label: "mean" },
        { stroke: "transparent", fill: colour("--o-process") + "55", label: "api" },
        { stroke: colour("--o-schedule"), width: 1, label: "jobs" }],
      hooks: { drawClear: [(u) => runsBehind(u, plot, paint)], draw: [(u) => limitLines(u, limits)] },
    }, [times, plot.mean, plot.baseline, plot.jobs], canvas);
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

function runsBehind(u, plot, paint) {
  const { ctx, bbox } = u;
  ctx.save();
  for (const run of plot.runs) {
    ctx.fillStyle = colour(paint.get(run.job)) + "33";
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
  ctx.font = "11px system-ui, sans-serif";
  const used = [];
  for (const limit of limits) {
    const y = u.valToPos(limit.value, "y", true);
    if (y < bbox.top || y > bbox.top + bbox.height) continue;
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
    const along = used.filter((other) => Math.abs(other - y) < 14).length;
    used.push(y);
    ctx.fillText(limit.name, bbox.left + 6 + along * 110, y - 4);
  }
  ctx.restore();
}
