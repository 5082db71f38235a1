// What is asked, what was answered, and what is being put together: without a page, and without Python.
//
// A host keeps the attempts: { load() -> { id: attempt }, save(id, attempt), listen(then) }. An attempt is
// { answer, right, tries, first, shown }, as gpt2lab/quiz/attempts.py describes it.

import { isAnswer, markAnswer, toAnswer } from "./marking.mjs";
import { shuffled } from "./shuffle.mjs";

const FRESH = { answer: null, right: false, tries: 0, first: false, shown: false };

// An attempt from a place where anybody may have written: marked anew, and fresh where nothing of it can be used.
function sound(question, found) {
  if (!found || !Number.isInteger(found.tries) || found.tries < 0) return FRESH;
  const answer = isAnswer(question, found.answer) ? found.answer : null;
  const right = answer !== null && markAnswer(question, answer).right;
  const tries = Math.max(found.tries, answer === null ? 0 : 1);
  return { answer, right, tries, first: found.tries > 0 && found.first === true, shown: found.shown === true };
}

export function createSession(questions, seed, host) {
  const drafts = new Map(); // id -> what was put together since the last answer
  const orders = new Map(questions.map((question) => [question.id, shuffled(question, seed)]));
  const listeners = new Set();
  const load = () => Object.fromEntries(questions.map((question) => [question.id, sound(question, host.load()[question.id])]));
  let attempts = load();

  const attempt = (question) => attempts[question.id];
  const keep = (question, changed) => {
    const made = { ...attempt(question), ...changed };
    attempts = { ...attempts, [question.id]: made };
    drafts.delete(question.id);
    host.save(question.id, made);
    tell();
  };
  const tell = () => listeners.forEach((listener) => listener());
  const stop = host.listen(() => {
    attempts = load();
    tell();
  });

  // Where a learner goes on: at the first question that is not settled; at the last page if there is none.
  const start = () => {
    const found = questions.findIndex((question) => status(question) === "open");
    return found < 0 ? questions.length : found;
  };

  function status(question) {
    const { answer, right, shown } = attempt(question);
    if (right) return "right";
    if (shown) return "shown";
    return answer === null ? "open" : "wrong";
  }

  // What the form shows: the draft, else the last answer, else nothing (an order always has one).
  function draft(question) {
    if (drafts.has(question.id)) return drafts.get(question.id);
    const { answer } = attempt(question);
    if (answer !== null) return question.kind === "number" ? String(answer) : answer;
    return question.kind === "order" ? orders.get(question.id).map((place) => question.options[place].text) : null;
  }

  const session = {
    questions,
    at: 0,
    attempt,
    status,
    draft,
    settled: (question) => ["right", "shown"].includes(status(question)),
    changed: (question) => drafts.has(question.id),
    options: (question) => orders.get(question.id).map((place) => question.options[place]),
    // The mark of the last answer; null while there is none, or once the learner has begun another.
    mark(question) {
      const { answer } = attempt(question);
      return answer === null || drafts.has(question.id) ? null : markAnswer(question, answer);
    },
    setDraft(question, value) {
      drafts.set(question.id, value);
      tell();
    },
    // Mark what was put together; gives what is missing, if anything is.
    check(question) {
      const { answer, lacks } = toAnswer(question, draft(question));
      if (lacks) return lacks;
      const { tries, first } = attempt(question);
      const { right } = markAnswer(question, answer);
      keep(question, { answer, right, tries: tries + 1, first: tries ? first : right });
      return "";
    },
    // Having it shown counts as a try, so that no later answer is the first.
    show: (question) => keep(question, { shown: true, tries: Math.max(1, attempt(question).tries) }),
    again: (question) => keep(question, { answer: null, right: false, shown: false }),
    go(place) {
      session.at = Math.max(0, Math.min(questions.length > 1 ? questions.length : 0, place));
      tell();
    },
    start,
    listen: (listener) => listeners.add(listener),
    destroy() {
      stop();
      listeners.clear();
    },
  };
  session.at = questions.length > 1 ? start() : 0;
  return session;
}
