// Where things go: numbers in, numbers out.

export function clamp(value, low, high) {
  return Math.max(low, Math.min(high, value));
}

// All heads in rows of layers. label is the room for row labels, badge the room under each cell.
export function gridLayout({ layers, heads, width, label = 64, top = 26, gap = 6, badge = 16, least = 18, most = 132 }) {
  const cell = Math.floor(clamp((width - label) / heads - gap, least, most));
  return {
    cell,
    x: (head) => label + head * (cell + gap),
    y: (layer) => top + layer * (cell + gap + badge),
    width: label + heads * (cell + gap),
    height: top + layers * (cell + gap + badge),
  };
}

// The cell under a point of an n × n matrix drawn at the origin, or null.
export function matrixCell(x, y, n, size) {
  const row = Math.floor((y / size) * n);
  const column = Math.floor((x / size) * n);
  return row >= 0 && row < n && column >= 0 && column < n ? { row, column } : null;
}

// Where an arrow key leads in a table; null for any other key.
export function step(key, row, column, rows, columns) {
  const to = {
    ArrowUp: [row - 1, column], ArrowDown: [row + 1, column],
    ArrowLeft: [row, column - 1], ArrowRight: [row, column + 1],
    Home: [row, 0], End: [row, columns - 1],
    PageUp: [0, column], PageDown: [rows - 1, column],
  }[key];
  return to ? { row: clamp(to[0], 0, rows - 1), column: clamp(to[1], 0, columns - 1) } : null;
}

// Label every k-th of n items, so that labels stand at least `least` pixels apart.
export function labelStep(n, size, least) {
  const wanted = Math.max(1, (least * n) / size);
  return [1, 2, 5, 10, 20, 50, 100, 200, 500].find((k) => k >= wanted) ?? Math.ceil(wanted);
}

// Round numbers between low and high, about n of them.
export function ticks(low, high, n = 4) {
  if (!(high > low)) return [low];
  const rough = (high - low) / n;
  const power = 10 ** Math.floor(Math.log10(rough));
  const size = [1, 2, 5, 10].find((k) => k * power >= rough * 0.999) * power;
  const out = [];
  for (let i = Math.ceil(low / size - 1e-9); i * size <= high + size * 1e-9; i++) {
    out.push(Number((i * size).toPrecision(12)));
  }
  return out;
}

// The range of all finite numbers, with zero in it.
export function extent(...series) {
  let low = 0;
  let high = 0;
  for (const values of series) {
    for (const v of values) {
      if (Number.isFinite(v)) { low = Math.min(low, v); high = Math.max(high, v); }
    }
  }
  return high > low ? [low, high] : [0, 1];
}

export function scale([low, high], [from, to]) {
  return (v) => from + ((v - low) / (high - low)) * (to - from);
}

// Indices of the n largest values, in their own order.
export function strongest(values, n) {
  const order = Array.from(values.keys()).sort((a, b) => values[b] - values[a] || a - b);
  return order.slice(0, n).sort((a, b) => a - b);
}

// The rows that are most probable in any run, the most probable first: what only the change makes likely
// must not be missing, nor below the others.
export function likeliest(rows, n) {
  return [...rows].sort((a, b) => Math.max(...b.p) - Math.max(...a.p)).slice(0, n);
}

// n indices around the chosen one, inside 0 … total - 1.
export function windowAround(chosen, total, n) {
  const start = clamp(chosen - Math.floor(n / 2), 0, Math.max(0, total - n));
  return Array.from({ length: Math.min(n, total) }, (_, i) => start + i);
}

// Products of two vectors and their running sum.
export function dotSteps(q, k) {
  let sum = 0;
  return Array.from(q, (value, i) => {
    const product = value * k[i];
    sum += product;
    return { product, sum };
  });
}

// A smooth line from one column of tokens to the other.
export function ribbon(x0, y0, x1, y1) {
  const bend = (x1 - x0) * 0.45;
  return `M${x0},${y0}C${x0 + bend},${y0} ${x1 - bend},${y1} ${x1},${y1}`;
}

export function polyline(points) {
  let path = "";
  let open = false;
  for (const [x, y] of points) {
    if (!Number.isFinite(y)) { open = false; continue; }
    path += `${open ? "L" : "M"}${x.toFixed(1)},${y.toFixed(1)}`;
    open = true;
  }
  return path;
}

// Where an axis of shares ends when it is zoomed: the first round share at or above the largest.
export function zoomedEnd(largest) {
  return [0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5].find((end) => end >= largest) ?? 1;
}

// What adds to a logit, as a table: parts in the order of Attribution.flat, heads per layer.
export function attributionTable(parts, heads) {
  const [token, position, patched] = parts;
  const named = [["token vector", token], ["position vector", position]];
  if (patched) named.push(["patched in", patched]);
  const input = [...named];
  const columns = Math.max(...heads);
  let at = 3;
  const layers = heads.map((n, layer) => {
    const row = parts.slice(at, at + n);
    const [attentionBias, ffn, ffnBias] = parts.slice(at + n, at + n + 3);
    at += n + 3;
    row.forEach((value, head) => named.push([`head ${layer}.${head}`, value]));
    named.push([`FFN ${layer}`, ffn]);
    return [...row, ...Array(columns - n).fill(null), ffn, attentionBias + ffnBias];
  });
  const rest = [["final norm’s bias", parts[at]]];
  const largest = [...named].sort((a, b) => Math.abs(b[1]) - Math.abs(a[1])).slice(0, 4);
  return { input, layers, rest, largest };
}
