// A quiz in an element: draws the page that the session is at, and keeps the keyboard where it was.

import { button, h, say, set } from "../../explorer/js/dom.mjs";
import { followTheme } from "../../explorer/js/theme.mjs";
import { modelHost } from "./hosts.mjs";
import { lastPage, outcome, questionPage, SIGNS, WORDS } from "./pages.mjs";
import { seeLink } from "./see.mjs";
import { createSession } from "./session.mjs";

// data: { title, questions, seed }; host: see session.mjs, and hosts.mjs for what else it may give.
export function showQuiz(el, data, host) {
  const session = createSession(data.questions, data.seed, host);
  const { questions } = session;
  const several = questions.length > 1;
  const live = h("p", { class: "g2q-live", role: "status" }); // spoken, not shown
  const hint = h("p", { class: "g2q-hint", role: "status" });
  const trouble = h("p", { class: "g2q-trouble", role: "status" });
  const page = h("div", { class: "g2q-page" });
  const go = (place) => {
    say(hint, "");
    say(live, "");
    session.go(place);
    if (place >= questions.length) host.refresh();
    focus("question");
  };
  const steps = h("nav", { class: "g2q-steps", "aria-label": "Questions" },
    questions.map((_, place) => button("", () => go(place), { "data-key": `step ${place}` })),
    button("Result", () => go(questions.length), { "data-key": `step ${questions.length}` }));
  const back = button("← Back", () => go(session.at - 1), { "data-key": "back" });
  const next = button("Next →", () => go(session.at + 1), { "data-key": "next" });
  const root = h("section", { class: several ? "g2q g2q-several" : "g2q", "aria-label": data.title, "data-lm-suppress-shortcuts": "true", "data-jp-suppress-context-menu": "true" },
    h("div", { class: "g2q-head" }, h("b", { text: data.title }), several ? steps : null),
    page, hint, trouble, live, several ? h("div", { class: "g2q-row g2q-between" }, back, next) : null);

  const find = (key) => [...root.querySelectorAll("[data-key]")].find((element) => element.dataset.key === key);
  const focus = (key) => find(key)?.focus({ preventScroll: false });
  const see = ({ see: place, chapter }) => seeLink(place, data.chapter ?? chapter, host.href, (text) => say(hint, text));

  let drawn = "";
  function draw() {
    const question = questions[session.at];
    const status = questions.map((each) => session.status(each));
    // A draft is in the form already, unless the form is made of it.
    const draft = question && ["order", "point"].includes(question.kind) ? session.draft(question) : null;
    const signature = JSON.stringify([session.at, questions.map(session.attempt), draft, question && Boolean(session.mark(question)), host.progress()]);
    if (signature !== drawn) {
      drawn = signature;
      const active = root.contains(document.activeElement) ? document.activeElement : null;
      const { held, caret } = { held: active?.dataset.key, caret: active?.selectionStart };
      page.replaceChildren(question ? questionPage(session, question, { see, say: tell, marked }) : lastPage(session, host.progress()));
      const again = held && (find(held) ?? find("result") ?? find("question"));
      again?.focus({ preventScroll: true });
      if (again && Number.isInteger(caret)) again.setSelectionRange?.(caret, caret);
    }
    [...steps.children].forEach((step, place) => {
      set(step, { "aria-current": place === session.at ? "step" : null });
      if (place >= questions.length) return;
      say(step, `${place + 1} ${SIGNS[status[place]]}`);
      set(step, { "aria-label": `Question ${place + 1}: ${WORDS[status[place]]}`, "data-mark": status[place] });
    });
    back.disabled = session.at === 0;
    next.disabled = session.at >= questions.length;
    say(trouble, host.message());
  }

  function tell(text) {
    const question = questions[session.at];
    const moving = question?.kind === "order" && text && session.draft(question);
    say(moving ? live : hint, text);
  }

  // The mark is what to read next.
  function marked() {
    say(hint, "");
    say(live, "");
    focus(outcome(session, questions[session.at]) ? "result" : "question");
  }

  root.addEventListener("keydown", (event) => event.stopPropagation()); // JupyterLab has shortcuts of its own
  session.listen(draw);
  const forgetTheme = followTheme((theme) => set(root, { "data-theme": theme }));
  el.append(root);
  draw();
  if (session.at >= questions.length) host.refresh();
  return () => {
    forgetTheme();
    session.destroy();
  };
}

// For anywidget.
export function render({ model, el }) {
  return showQuiz(el, model.get("_quiz"), modelHost(model));
}
