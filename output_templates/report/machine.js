/* A Step Functions definition as a picture: states from top to bottom in the order of their shortest way from the start. */
function machinePicture(definition, label) {
  const states = definition.States || {};
  const edges = [];
  for (const [name, state] of Object.entries(states)) {
    if (state.Next) edges.push([name, state.Next, ""]);
    if (state.Default) edges.push([name, state.Default, "default"]);
    for (const choice of state.Choices || []) if (choice.Next) edges.push([name, choice.Next, ""]);
    for (const one of state.Catch || []) edges.push([name, one.Next, (one.ErrorEquals || []).join(", ")]);
  }
  const level = new Map([[definition.StartAt, 0]]);
  const queue = [definition.StartAt];
  while (queue.length) {
    const name = queue.shift();
    for (const [from, to, note] of edges) if (from === name && !level.has(to)) { level.set(to, level.get(name) + 1); queue.push(to); }
  }
  const names = Object.keys(states).filter((name) => level.has(name));
  const columns = new Map();
  const spots = new Map();
  const width = 190, height = 38, across = 220, down = 62;
  for (const name of names) {
    const row = level.get(name);
    const column = columns.get(row) || 0;
    columns.set(row, column + 1);
    spots.set(name, [column, row]);
  }
  const wide = Math.max(1, ...columns.values()), tall = Math.max(1, ...[...level.values()].map((one) => one + 1));
  const at = (name) => { const [column, row] = spots.get(name); return [20 + column * across, 10 + row * down]; };
  const lines = edges.filter(([from, to]) => spots.has(from) && spots.has(to)).map(([from, to, note]) => {
    const [x1, y1] = at(from), [x2, y2] = at(to);
    const style = "arrow" + (note && note !== "default" ? " catch" : "");
    const [, rowFrom] = spots.get(from), [, rowTo] = spots.get(to);
    let path;
    if (rowTo > rowFrom) path = `M${x1 + width / 2} ${y1 + height} C${x1 + width / 2} ${y1 + height + 22} ${x2 + width / 2} ${y2 - 22} ${x2 + width / 2} ${y2 - 2}`;
    else if (rowTo === rowFrom && from !== to) path = x2 > x1 ? `M${x1 + width} ${y1 + height / 2} H${x2 - 2}` : `M${x1} ${y1 + height / 2} H${x2 + width + 2}`;
    else path = `M${x1} ${y1 + height / 2} C${x1 - 26} ${y1 + height / 2} ${x2 - 26} ${y2 + height / 2} ${x2 - 2} ${y2 + height / 2}`;
    return s("path", { class: style, d: path, "marker-end": "url(#tip)" }, note && s("title", {}, note));
  });
  const boxes = names.map((name) => {
    const [x, y] = at(name);
    const state = states[name];
    const kind = state.Type + (state.Resource ? " " + String(state.Resource).replace(/^arn:aws:states:::/, "") : "");
    return s("g", {}, s("title", {}, name + ": " + (state.Comment || kind)),
      s("rect", { class: state.Type, x, y, width, height, rx: 6 }),
      s("text", { x: x + 10, y: y + 16 }, name.length > 27 ? name.slice(0, 26) + "…" : name),
      s("text", { class: "kind", x: x + 10, y: y + 30 }, kind.length > 34 ? kind.slice(0, 33) + "…" : kind));
  });
  const box = [20 + wide * across, 10 + tall * down];
  return s("svg", { class: "machine", viewBox: `0 0 ${box[0]} ${box[1]}`, width: box[0], height: box[1], role: "img", "aria-label": label }, lines, boxes);
}
