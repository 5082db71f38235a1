// Numbers and tokens as people read them.

// A probability or weight: .43, <.001, 1.
export function amount(p) {
  if (!Number.isFinite(p)) return "–";
  if (p === 0) return "0";
  if (p < 0.0005) return "<.001";
  if (p < 0.0995) return p.toFixed(3).replace(/^0/, "");
  return p >= 0.995 ? "1.0" : p.toFixed(2).replace(/^0/, "");
}

export function percent(p) {
  if (p > 0 && p < 0.0005) return "<0.1 %";
  return `${(100 * p).toFixed(1)} %`;
}

// Four digits at most, with a real minus sign.
export function number(v) {
  if (!Number.isFinite(v)) return v === -Infinity ? "−∞" : v === Infinity ? "∞" : "–";
  if (v === 0) return "0";
  const size = Math.abs(v);
  const text = size >= 1000 ? v.toFixed(0) : size >= 100 ? v.toFixed(1) : size >= 1 ? v.toFixed(2) : v.toFixed(3);
  return text.replace("-", "−");
}

// The first n characters (not half characters), with an ellipsis if something is left out.
export function clip(text, n) {
  const characters = Array.from(text);
  return characters.length <= n ? text : characters.slice(0, n - 1).join("") + "…";
}

// A value on an axis, as short as it is round.
export function tickText(v) {
  return String(v).replace("-", "−");
}

export function count(n, word) {
  return `${n.toLocaleString("en")} ${word}${n === 1 ? "" : "s"}`;
}

// "3 ‘robot’": position and token, the way every view names a token.
export function place(index, labels) {
  return `${index} ‘${clip(labels[index] ?? "", 24)}’`;
}

export function headName(layer, head, role) {
  const found = role && role.role ? `, ${role.role} ${amount(role.score)}` : "";
  return `Layer ${layer}, head ${head}${found}`;
}
