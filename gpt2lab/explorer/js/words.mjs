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

// Characters that take the room of nearly two letters: the signs for blank and newline, CJK, emoji.
const WIDE = /[␣⏎\u2e80-\u9fff\uac00-\ud7af\uff00-\uff60\u{1f000}-\u{1ffff}]/u;

// As much of a text as takes the room of n letters (never half a character), with an ellipsis if
// something is left out.
export function clip(text, n) {
  const characters = Array.from(text);
  const room = (character) => (WIDE.test(character) ? 1.6 : 1);
  if (characters.reduce((sum, character) => sum + room(character), 0) <= n + 0.6) return text;
  let left = n - 1;
  const kept = characters.findIndex((character) => {
    left -= room(character);
    return left < 0;
  });
  return characters.slice(0, kept).join("") + "…";
}

// As many whole words as take the room of n letters, at least one of them.
export function wordsThatFit(words, n, gap) {
  let line = words[0] ?? "";
  for (const word of words.slice(1)) {
    if (Array.from(line + gap + word).length > n) break;
    line += gap + word;
  }
  return line;
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

export function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

export function headName(layer, head, role) {
  const found = role?.role ? `, ${role.role} ${amount(role.score)}` : "";
  return `${capital(layer)}, head ${head}${found}`;
}
