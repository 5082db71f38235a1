// From logits to the distribution that the next token is drawn from; the counterpart of sampling.py.
import { softmax } from "./gpt2.mjs";

export function largest(values) {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i] > values[best]) best = i;
  return best;
}

// Indices of the n largest values, the largest first.
export function topIndices(values, n) {
  return Array.from(values.keys()).sort((a, b) => values[b] - values[a] || a - b).slice(0, n);
}

// temperature 0 is greedy, topK 0 and topP 1 keep all.
export function nextProbabilities(logits, temperature, topK, topP) {
  if (temperature === 0) {
    const best = largest(logits);
    return logits.map((_, i) => (i === best ? 1 : 0));
  }
  const top = logits[largest(logits)];
  let scaled = logits.map((logit) => (logit - top) / temperature);
  if (topK) {
    const least = scaled.slice().sort()[Math.max(0, scaled.length - topK)];
    scaled = scaled.map((logit) => (logit < least ? -Infinity : logit));
  }
  const p = softmax(scaled);
  if (topP >= 1) return p;
  let [before, kept] = [0, 0];
  for (const i of topIndices(p, p.length)) {
    if (before >= topP) p[i] = 0;
    else kept += p[i];
    before += p[i];
  }
  return p.map((share) => share / kept);
}

// The token that a number in [0, 1) picks: tokens lie on a line, each as long as it is probable.
export function drawn(probabilities, number) {
  const ends = probabilities.slice();
  for (let i = 1; i < ends.length; i++) ends[i] += ends[i - 1];
  return ends.findIndex((end) => end > number * ends[ends.length - 1]);
}
