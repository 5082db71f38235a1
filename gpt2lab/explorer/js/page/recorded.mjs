// A page that holds the answers to the questions a reader may ask, and shows those.
import { pageModel } from "./model.mjs";

const MISSING = "This was not recorded in the file. Open the explorer in a notebook to see it.";

const revive = (_key, value) =>
  value && typeof value.base64 === "string" ? new DataView(Uint8Array.from(atob(value.base64), (c) => c.charCodeAt(0)).buffer) : value;

export function openPage(text, el, render) {
  const { state, answers } = JSON.parse(text, revive);
  const model = pageModel(state);
  const { rev } = state._scene;
  model.answeredBy({ receive() {}, answer: (question) => ({ rev, ...(answers[question] ?? { error: MISSING }) }) });
  render({ model, el });
}
