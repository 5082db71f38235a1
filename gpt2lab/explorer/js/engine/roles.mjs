// What a head does on this text, found by score; the counterpart of roles.py, which says what each score means.

const [LEAST, TIMES_CHANCE] = [0.4, 1.5];
const REPEATED = 3; // so many different tokens must come again for a role that is about repetition
const REPETITION = ["same token", "induction"];
const LATE = 2; // for queries 0 and 1, "previous", "first" and "itself" are hard to tell apart

// For each score the keys that count: { name, keys: [[query, key]], queries: how many are asked, tellable: whether the
// text is rich enough to name a role by it }.
export function roleTargets(ids) {
  const each = (from, pick) => ids.flatMap((_, query) => (query < from ? [] : pick(query).map((key) => [query, key])));
  const earlier = (query, id) => ids.slice(0, query).flatMap((other, key) => (other === id ? [key] : []));
  const found = {
    "previous token": each(LATE, (query) => [query - 1]),
    "first token": each(LATE, () => [0]),
    itself: each(LATE, (query) => [query]),
    "same token": each(0, (query) => earlier(query, ids[query])),
    induction: each(0, (query) => earlier(query, ids[query]).map((key) => key + 1).filter((key) => key < query)),
  };
  return Object.entries(found).filter(([, keys]) => keys.length)
    .map(([name, keys]) => {
      const queries = new Set(keys.map(([query]) => query));
      const different = new Set(Array.from(queries, (query) => ids[query])).size;
      return { name, keys, queries: queries.size, tellable: !REPETITION.includes(name) || different >= REPEATED };
    });
}

// The mean attention on those keys, per score; in float32, where what is equal but for rounding is equal.
export function roleScores(targets, map, T) {
  return targets.map(({ keys, queries }) => Math.fround(keys.reduce((sum, [query, key]) => sum + map[query * T + key], 0) / queries));
}

// The best role of a head: { role: name or "", score, chance }.
export function bestRole(targets, scores, T, causal) {
  let best = { role: "", score: 0, chance: 0 };
  targets.forEach(({ name, keys, queries, tellable }, i) => {
    if (!tellable) return;
    const chance = keys.reduce((sum, [query]) => sum + 1 / (causal ? query + 1 : T), 0) / queries;
    if (scores[i] >= Math.max(LEAST, TIMES_CHANCE * chance, best.score)) best = { role: name, score: digits(scores[i]), chance: digits(chance) };
  });
  return best;
}

const digits = (value) => Math.round(value * 1e4) / 1e4;
