// The engine of the explorer's page, run by Node on many cases: node run_engine.mjs CASES ANSWERS, both JSON files.
// { models: { name: data }, cases: [{ model, text or tokens, text_b, ablated, patched, token, questions, earlier }] } -> a list of
// (`earlier`: texts that are typed before)
// { scene, text, message, answers: { question: { meta, buffers } or { error } } }; bytes as { bytes }, floats as lists.
import { readFileSync, writeFileSync } from "node:fs";
import { createEngine } from "../../gpt2lab/explorer/js/engine/engine.mjs";
import { readWeights } from "../../gpt2lab/explorer/js/engine/numbers.mjs";
import { createTokenizer } from "../../gpt2lab/explorer/js/engine/tokenizer.mjs";

const { models, cases } = JSON.parse(readFileSync(process.argv[2], "utf-8"));
const ready = Object.fromEntries(Object.entries(models).map(([name, { weights, vocabulary, ...shape }]) => [
  name, { model: { ...shape, weights: readWeights(weights) }, tokenizer: createTokenizer(vocabulary) },
]));
const STATE = { text: "", text_b: "", patched: [], _tokens: [], ablated: [], layer: 0, head: 0, token: -1, key: -1, temperature: 1, top_k: 0, top_p: 1, message: "", _answered: 0, _scene: {} };
const plain = (value) => (value instanceof Uint8Array ? { bytes: Array.from(value) } : value instanceof Float32Array ? Array.from(value) : value);

const found = cases.map(({ model: name, questions, earlier = [], ...given }) => {
  const [start, ...typed] = [...earlier, given.text];
  const state = { ...STATE, ...given, text: start ?? "" };
  const { model, tokenizer } = ready[name];
  const engine = createEngine(model, tokenizer, state, () => {});
  for (const text of typed) {
    state.text = text;
    engine.receive(["text"]);
  }
  const answers = Object.fromEntries(questions.map((question) => {
    const { meta, buffers, error } = engine.answer(question);
    return [question, error ? { error } : { meta, buffers: buffers.map(plain) }];
  }));
  const { first, ...scene } = state._scene;
  return { scene, first: Object.keys(first ?? {}), text: state.text, token: state.token, message: state.message, tokens: state._tokens, answers };
});
writeFileSync(process.argv[3], JSON.stringify(found, (key, value) => plain(value)));
