// Finding sections: every word must occur, in the title (which counts more) or in the text.

const MOST = 12;

export function words(text) {
  return text.toLowerCase().match(/[\p{L}\p{N}_]+/gu) ?? [];
}

// entries: [{ chapter, title, href, text }]; gives the best of them, each with a piece of the text around the first hit.
export function search(entries, query) {
  const wanted = words(query);
  if (!wanted.length) return [];
  const found = [];
  for (const entry of entries) {
    const title = entry.title.toLowerCase();
    const text = entry.text.toLowerCase();
    let score = 0;
    for (const word of wanted) {
      const inTitle = starts(title, word) >= 0;
      const count = text.split(word).length - 1;
      if (!inTitle && starts(text, word) < 0) { score = -1; break; }
      score += (inTitle ? 10 : 0) + Math.min(count, 5);
    }
    if (score > 0) found.push({ ...entry, score, piece: piece(entry.text, Math.max(0, starts(text, wanted[0]))) });
  }
  return found.sort((a, b) => b.score - a.score).slice(0, MOST);
}

// Where a word of the text begins with this; -1 if none does.
function starts(text, word) {
  for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + 1)) {
    if (at === 0 || !/[\p{L}\p{N}_]/u.test(text[at - 1])) return at;
  }
  return -1;
}

function piece(text, at) {
  const from = Math.max(0, at - 40);
  return `${from ? "… " : ""}${text.slice(from, at + 100)}${at + 100 < text.length ? " …" : ""}`;
}
