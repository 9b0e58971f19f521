/* A week by the minute and a month by the day: old firings above, new ones below, each job in its own row. */
const calendarView = { month: 0, week: 0 };

function drawCalendar(body) {
  const all = current.calendars || [];
  if (!all.length || !all.some((one) => one.jobs.length)) { body.replaceChildren(h("p", { class: "empty" }, t("page.no-calendar"))); return; }
  const calendar = all[calendarView.month] || all[0];
  const monday = new Date(calendar.monday + "T00:00:00Z");
  const dayName = (index, options) => new Date(monday.getTime() + index * 864e5).toLocaleDateString(document.documentElement.lang, { timeZone: "UTC", ...options });
  const redraw = () => drawCalendar(body);
  const months = h("select", { id: "calendar-month", "aria-label": t("page.month"), onchange: () => { calendarView.month = months.selectedIndex; calendarView.week = 0; redraw(); } },
    all.map((one, index) => h("option", { selected: index === calendarView.month }, one.month.slice(0, 7) + (Object.keys(one.changes).length ? " · " + t("page.clock-change") : ""))));
  const weeks = h("select", { id: "calendar-week", "aria-label": t("page.week"), onchange: () => { calendarView.week = weeks.selectedIndex; redraw(); } },
    [0, 1, 2, 3, 4].map((week) => h("option", { selected: week === calendarView.week }, dayName(7 * week, { month: "short", day: "numeric" }) + " – " + dayName(7 * week + 6, { month: "short", day: "numeric" }))));
  body.replaceChildren(
    h("div", { class: "row controls" }, months, weeks, h("span", { class: "count" }, current.timezone)),
    h("ul", { class: "legend" }, h("li", {}, h("i", { class: "dot o-infrastructure" }), t("page.old")), h("li", {}, h("i", { class: "dot o-schedule" }), t("page.new")), h("li", {}, h("i", { class: "dot o-manual" }), t("page.one-side"))),
    h("div", { class: "calendar-grid", tabindex: "0", role: "region", "aria-label": t("page.week") }, weekPicture(calendar, dayName)),
    h("h3", {}, t("page.month-view")), monthGrid(calendar, dayName));
}

function weekPicture(calendar, dayName) {
  const first = 7 * calendarView.week;
  const left = 190, width = 1080, row = 20, top = 26;
  const jobs = calendar.jobs.filter((job) => [...job.old.slice(first, first + 7), ...job.new.slice(first, first + 7)].some((index) => index >= 0));
  const x = (day, minute) => left + (width * (day + minute / 1440)) / 7;
  const parts = [];
  for (let day = 0; day <= 7; day++) {
    parts.push(s("line", { class: "rule", x1: x(day, 0), x2: x(day, 0), y1: 4, y2: top + jobs.length * row }));
    if (day < 7) {
      const change = calendar.changes[first + day];
      if (change) parts.push(s("rect", { class: "change", x: x(day, 0), y: 2, width: width / 7, height: top + jobs.length * row }, s("title", {}, t("page.clock-change") + " " + (change > 0 ? "+" : "") + change + " min")));
      parts.push(s("text", { class: "day", x: x(day, 0) + 6, y: 16 }, dayName(first + day, { weekday: "short", month: "numeric", day: "numeric" })));
      parts.push(s("line", { class: "rule noon", x1: x(day, 720), x2: x(day, 720), y1: 20, y2: top + jobs.length * row }));
    }
  }
  jobs.forEach((job, index) => {
    const y = top + index * row;
    parts.push(s("line", { class: "rule", x1: 0, x2: left + width, y1: y, y2: y }));
    const name = s("a", { href: "#j=" + encodeURIComponent(job.id) }, s("text", { x: 4, y: y + 14 }, job.id.length > 29 ? job.id.slice(0, 28) + "…" : job.id));
    parts.push(name);
    for (let day = 0; day < 7; day++) {
      const old = minutes(job, "old", first + day), now = minutes(job, "new", first + day);
      parts.push(...marks(old, "old", day, y + 2, x), ...marks(now, "new", day, y + 11, x));
      if (old.length !== now.length || old.some((minute, at) => minute !== now[at])) {
        const odd = [...old.filter((minute) => !now.includes(minute)), ...now.filter((minute) => !old.includes(minute))].slice(0, 50);
        parts.push(...odd.map((minute) => s("line", { class: "only", x1: x(day, minute), x2: x(day, minute), y1: y + 1, y2: y + 19 }, s("title", {}, clock(minute)))));
      }
    }
  });
  return s("svg", { viewBox: `0 0 ${left + width + 10} ${top + jobs.length * row + 6}`, role: "img", "aria-label": t("page.week-label", { count: jobs.length }) }, parts);
}

const minutes = (job, side, day) => (job[side][day] >= 0 ? job.patterns[job[side][day]] : []);
const clock = (minute) => String(Math.floor(minute / 60)).padStart(2, "0") + ":" + String(minute % 60).padStart(2, "0");

function marks(list, style, day, y, x) {
  if (list.length > 48) return [s("rect", { class: style, x: x(day, list[0]), y: y + 1, width: Math.max(2, x(day, list.at(-1)) - x(day, list[0])), height: 4, opacity: ".75" }, s("title", {}, t("page.times-a-day", { count: list.length })))];
  return list.map((minute) => s("rect", { class: style, x: x(day, minute) - 1.5, y, width: 3, height: 7 }, s("title", {}, clock(minute))));
}

function monthGrid(calendar, dayName) {
  const cells = [];
  for (let day = 0; day < 7; day++) cells.push(h("div", { class: "head" }, dayName(day, { weekday: "short" })));
  for (let day = 0; day < calendar.days; day++) {
    const date = new Date(Date.parse(calendar.monday + "T00:00:00Z") + day * 864e5).toISOString().slice(0, 10);
    const often = calendar.jobs.filter((job) => Math.max(minutes(job, "old", day).length, minutes(job, "new", day).length) > 4).length;
    const rare = calendar.jobs.filter((job) => { const count = Math.max(minutes(job, "old", day).length, minutes(job, "new", day).length); return count > 0 && count <= 4; });
    const daily = rare.filter((job) => job.old.every((index) => index >= 0));
    const special = rare.filter((job) => !daily.includes(job));
    cells.push(h("div", { class: (date.slice(0, 7) === calendar.month.slice(0, 7) ? "" : "away ") + (calendar.changes[day] ? "change" : "") },
      h("b", {}, dayName(day, { day: "numeric" })), calendar.changes[day] ? h("div", {}, t("page.clock-change")) : "",
      special.slice(0, 4).map((job) => h("div", {}, h("a", { href: "#j=" + encodeURIComponent(job.id) }, job.id))),
      special.length > 4 && h("div", {}, t("summary.more", { count: special.length - 4 })),
      (often || daily.length) ? h("div", { class: "more" }, t("page.daily-jobs", { count: daily.length + often })) : ""));
  }
  return h("div", { class: "month" }, cells);
}
