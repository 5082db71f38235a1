// A page that holds a model and runs it.
import { pageModel } from "../page/model.mjs";
import { createEngine } from "./engine.mjs";
import { readWeights } from "./numbers.mjs";
import { createTokenizer } from "./tokenizer.mjs";

export function openPage(text, el, render) {
  const { state, model: { weights, vocabulary, ...shape } } = JSON.parse(text);
  const model = pageModel(state);
  try {
    model.answeredBy(createEngine({ ...shape, weights: readWeights(weights) }, createTokenizer(vocabulary), state, model.tell));
  } catch (error) {
    el.textContent = error.message;
    el.setAttribute("role", "alert");
    return;
  }
  render({ model, el });
}
