// The pages of a quiz: one for each question, and the last one, which says what was right.

import { button, h, uniqueId } from "../../explorer/js/dom.mjs";
import { ASKS, createField, prose } from "./fields.mjs";
import { solution } from "./marking.mjs";

export const SIGNS = { right: "✓", wrong: "✗", shown: "○", open: "·" };
export const WORDS = { right: "right", wrong: "not right yet", shown: "answer shown", open: "not answered" };

// What the learner is told after an answer: [a sign and a word, the rest].
export function outcome(session, question) {
  const status = session.status(question);
  const { tries } = session.attempt(question);
  if (status === "right") return ["✓ Right", tries > 1 ? ` at try ${tries}.` : "."];
  if (status === "shown") return ["○ The answer:", ` ${solution(question)}.`];
  if (!session.mark(question)) return null;
  const missing = session.mark(question).reasons.every((reason) => reason.missed) ? " What you chose is right, but something is missing." : "";
  return ["✗ Not right yet.", `${missing} Try again, or have the answer shown.`];
}

// How many are right, in one sentence.
export function score({ questions, status, attempt }) {
  const right = questions.filter((question) => status(question) === "right");
  const first = right.filter((question) => attempt(question).first).length;
  return `${right.length} of ${questions.length} right, ${first} of them at the first try.`;
}

// see(reason) makes a link, say(text) tells what is missing, marked() is called once an answer was marked.
export function questionPage(session, question, { see, say, marked }) {
  const heading = uniqueId("question");
  const settled = session.settled(question);
  const field = createField(session, question, { labelledby: heading, see, say });
  const act = (label, work) => button(label, () => { work(); marked(); }, { "data-key": label });
  return h("form", { class: "g2q-form", onsubmit: (event) => {
    event.preventDefault();
    if (settled) return;
    const lacks = session.check(question);
    say(lacks);
    if (!lacks) marked();
  } },
  h("div", { class: "g2q-question", id: heading, tabindex: -1, "data-key": "question" }, prose(question.text), h("span", { class: "g2q-kind", text: ` (${ASKS[question.kind]} · ${question.id})` })),
  question.code ? h("pre", null, h("code", { text: question.code })) : null,
  field,
  h("div", { class: "g2q-row" },
    settled ? act("Answer again", () => session.again(question)) : h("button", { type: "submit", class: "g2q-main", text: "Check", "data-key": "check" }),
    session.status(question) === "wrong" ? act("Show the answer", () => session.show(question)) : null),
  result(session, question, see));
}

function result(session, question, see) {
  const said = outcome(session, question);
  if (!said) return h("div", { class: "g2q-result", hidden: true });
  const inOptions = ["single", "multiple"].includes(question.kind);
  const reasons = inOptions ? [] : session.mark(question)?.reasons ?? [];
  return h("div", { class: "g2q-result", "data-mark": session.status(question), tabindex: -1, "data-key": "result" },
    h("p", null, h("strong", { text: said[0] }), prose(said[1])),
    reasons.map((reason) => h("p", null, h("b", null, prose(reason.part)), prose(`: ${reason.why} `), see(reason))),
    session.settled(question) ? h("p", null, prose(`${question.answer} `), see(question)) : null);
}

export function lastPage(session, progress) {
  const rows = session.questions.map((question, place) => {
    const status = session.status(question);
    const words = status === "right" && !session.attempt(question).first ? `right at try ${session.attempt(question).tries}` : WORDS[status];
    return h("tr", null,
      h("td", null, h("button", { type: "button", class: "g2q-small", text: String(place + 1), "aria-label": `To question ${place + 1}`, "data-key": `row ${place}`, onclick: () => session.go(place) })),
      h("td", null, prose(question.text), session.settled(question) ? h("div", { class: "g2q-solution" }, prose(solution(question))) : null),
      h("td", { "data-mark": status }, h("strong", { text: `${SIGNS[status]} ${words}` })));
  });
  return h("div", { class: "g2q-last" },
    h("div", { class: "g2q-question", tabindex: -1, "data-key": "question", text: score(session) }),
    progress.length ? h("section", { "aria-label": "Your progress in this chapter" }, h("b", { text: "Your progress in this chapter" }), h("ul", null, progress.map((line) => h("li", { text: line })))) : null,
    h("table", { class: "g2q-table" },
      h("thead", null, h("tr", null, ["", "question", "result"].map((name) => h("th", { scope: "col", text: name })))),
      h("tbody", null, rows)));
}
