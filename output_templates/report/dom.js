"use strict";
/* Elements from data. Every text becomes a text node: nothing from the input is ever parsed as HTML. */
const DATA = JSON.parse(document.getElementById("data").textContent);
const FIDELITY = JSON.parse(document.getElementById("fidelity").textContent);
const WORDS = JSON.parse(document.getElementById("words").textContent);

function t(key, values) {
  let text = WORDS[values && values.count === 1 && WORDS[key + ".one"] ? key + ".one" : key] ?? "⟦" + key + "⟧";
  for (const [name, value] of Object.entries(values || {})) text = text.replaceAll("{" + name + "}", String(value));
  return text;
}

const SVG = "http://www.w3.org/2000/svg";

function make(element, properties, children) {
  for (const [name, value] of Object.entries(properties || {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
  return element;
}

const h = (tag, properties, ...children) => make(document.createElement(tag), properties, children);
const s = (tag, properties, ...children) => make(document.createElementNS(SVG, tag), properties, children);
const $ = (selector, root) => (root || document).querySelector(selector);
const $$ = (selector, root) => [...(root || document).querySelectorAll(selector)];

/* Rendered when first shown (or printed), so that a page with thousands of entries opens at once. */
const waiting = new Map();
const watcher = new IntersectionObserver((entries) => {
  for (const entry of entries) if (entry.isIntersecting) build(entry.target);
}, { rootMargin: "600px" });

function later(element, builder) {
  waiting.set(element, builder);
  watcher.observe(element);
}

function build(element) {
  const builder = waiting.get(element);
  if (!builder) return;
  waiting.delete(element);
  watcher.unobserve(element);
  builder(element);
}

function buildAll() {
  for (let rounds = 0; waiting.size && rounds < 50; rounds++) for (const element of [...waiting.keys()]) build(element);
}

function number(value, digits) {
  return value === null || value === undefined ? "–" : value.toLocaleString("en-US", { maximumFractionDigits: digits ?? 2 });
}

function seconds(value) {
  if (value === null || value === undefined) return "–";
  if (value < 60) return number(value, 1) + " s";
  if (value < 5400) return number(value / 60, 1) + " min";
  if (value < 172800) return number(value / 3600, 1) + " h";
  return number(value / 86400, 1) + " d";
}

async function copy(text, button) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = h("textarea", { class: "hidden" }, text);
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  const before = button.textContent;
  button.textContent = t("page.copied");
  setTimeout(() => { button.textContent = before; }, 1500);
}

function outcomeMark(outcome) {
  return h("span", { class: "outcome" }, h("i", { class: "dot o-" + outcome }), t("outcome." + outcome));
}

/* Texts with `code` in them. */
function rich(text) {
  return String(text ?? "").split(/(`[^`]+`)/).map((part) => (/^`[^`]+`$/.test(part) ? h("code", {}, part.slice(1, -1)) : part));
}

function verdictBadge(proof) {
  if (!proof) return h("span", { class: "badge warnly" }, t("verdict.none"));
  const tone = proof.verdict === "equal" ? "good" : proof.verdict === "equal-except-dst" ? "warnly" : "alert";
  return h("span", { class: "badge " + tone }, t("verdict." + proof.verdict));
}

/* A source place: leads to the decisions that were made on it. */
const bySource = new Map();
for (const app of DATA.apps) for (const one of app.decisions) {
  if (!bySource.has(one.s)) bySource.set(one.s, []);
  bySource.get(one.s).push(one);
}

function place(source) {
  if (!source) return null;
  const there = bySource.get(source);
  return there ? h("a", { class: "where", href: "#d=" + there[0].id }, source) : h("span", { class: "where" }, source);
}

function outputLink(file, line, text) {
  const label = text || file + (line ? ":" + line : "");
  return DATA.files[file] ? h("a", { href: "#f=" + encodeURIComponent(file) + (line ? ":" + line : "") }, label) : h("span", {}, label);
}

let current = DATA.apps[0] || null;
