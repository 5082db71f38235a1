// What a page of the site does: light and dark, the search, the quiz, and print with everything open.

import { h } from "../../explorer/js/dom.mjs";
import { storageHost, storedSeed } from "../../widgets/js/hosts.mjs";
import { showQuiz } from "../../widgets/js/quiz.mjs";
import { search } from "./search.mjs";

const KEY = "gpt2lab";

function kept(name) {
  try { return localStorage.getItem(`${KEY}.${name}`); } catch { return null; }
}

function keep(name, value) {
  try { localStorage.setItem(`${KEY}.${name}`, value); } catch { /* it holds until the page is left */ }
}

function paint(dark) {
  document.documentElement.dataset.theme = dark ? "dark" : "light";
  document.body.dataset.jpThemeLight = String(!dark); // what the quiz follows
}

function startTheme() {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const dark = () => (kept("theme") ?? (system.matches ? "dark" : "light")) === "dark";
  const button = document.querySelector("#theme");
  const draw = () => {
    paint(dark());
    button.textContent = dark() ? "Light" : "Dark";
  };
  button.addEventListener("click", () => {
    keep("theme", dark() ? "light" : "dark");
    draw();
  });
  system.addEventListener("change", draw);
  draw();
}

function startSearch(entries) {
  const field = document.querySelector("#search");
  const list = document.querySelector("#found");
  const draw = () => {
    const found = search(entries, field.value);
    list.replaceChildren(...found.map(({ chapter, title, href, piece }) =>
      h("li", null, h("a", { href }, h("b", { text: `${chapter}: ${title}` }), h("span", { text: piece })))));
    if (field.value.trim() && !found.length) list.append(h("li", { text: "Nothing found." }));
    list.hidden = !field.value.trim();
  };
  field.addEventListener("input", draw);
  document.addEventListener("keydown", (event) => {
    const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement?.tagName);
    if (event.key === "/" && !typing) {
      event.preventDefault();
      field.focus();
    }
    if (event.key === "Escape" && field.value) {
      field.value = "";
      draw();
    }
  }, true); // on the way down: the quiz keeps keys to itself
}

function startQuizzes() {
  for (const place of document.querySelectorAll(".ask")) {
    const { quiz, links } = JSON.parse(place.querySelector("script").textContent);
    const href = ({ chapter, heading }) => links[`${chapter}: ${heading}`] ?? null;
    quiz.seed = storedSeed(localStorage, `${KEY}.seed`);
    showQuiz(place, quiz, storageHost(localStorage, `${KEY}.quiz.${quiz.chapter}`, href));
  }
}

export function startPage(entries) {
  startTheme();
  startSearch(entries);
  startQuizzes();
  addEventListener("beforeprint", () => {
    for (const part of document.querySelectorAll("main details")) part.open = true;
  });
}
