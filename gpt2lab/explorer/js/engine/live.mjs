// A page that holds a model and runs it.
import { unpacked } from "../../../figures/js/unpack.mjs";
import { pageModel } from "../page/model.mjs";
import { createEngine } from "./engine.mjs";
import { readWeights } from "./numbers.mjs";
import { createTokenizer } from "./tokenizer.mjs";

// text: what files.py wrote, as JSON. style: the element that takes the page's style sheet.
export async function openPage(text, el, render, style) {
  const { state, base64, packed } = JSON.parse(text);
  const model = pageModel(state);
  try {
    const { css, model: { weights, vocabulary, ...shape } } = JSON.parse(await unpacked(packed));
    style.textContent += css;
    const numbers = readWeights({ ...weights, base64 });
    model.answeredBy(createEngine({ ...shape, weights: numbers }, createTokenizer(vocabulary), state, model.tell));
  } catch (error) {
    el.textContent = error.message;
    el.setAttribute("role", "alert");
    return;
  }
  render({ model, el });
}
