"""The quiz where people meet it: answered by keyboard, and still answered after a reload and a restart."""

import json
import shutil
from pathlib import Path

from axe import axe_source
from nbformat.v4 import new_code_cell, new_markdown_cell

from gpt2lab import quiz as questions_of
from gpt2lab.course.browser import READY
from gpt2lab.widgets.quiz_page import as_json, css, module

SAMPLE = Path(__file__).parents[1] / "quiz" / "sample.toml"
ASK = f"from gpt2lab import quiz\nfrom gpt2lab.widgets import Quiz\nasked = Quiz(quiz.read({str(SAMPLE)!r}))\nasked"
SAVE = '() => window.jupyterapp.commands.execute("docmanager:save")'
RESTART = '() => [...window.jupyterapp.shell.widgets("main")][0].sessionContext.session.kernel.restart()'
LEVELS = {"serious", "critical"}


class Keys:
    """A quiz, and the keyboard."""

    def __init__(self, notebook):
        self.page, self.root = notebook.page, notebook.output(0).locator(".g2q")
        self.root.wait_for()

    def press(self, *keys):
        for key in keys:
            self.page.keyboard.press(key)

    def focus(self):
        return self.page.evaluate("() => document.activeElement.dataset.key")

    def begin(self):
        """With the keyboard, at the question that is shown."""
        self.root.locator('[data-key="question"]').focus()

    def options(self):
        return [text.strip() for text in self.root.locator(".g2q-text").all_inner_texts()]


def answer_all(quiz):
    """Every kind by keyboard alone, from question to question."""
    quiz.begin()
    place = quiz.options().index("Row 4")
    quiz.press("Tab", "Space", *["ArrowDown"] * place, "Enter")
    assert quiz.focus() == "result"
    quiz.root.get_by_text("Places are counted from 0.").wait_for()  # why it is wrong
    quiz.begin()
    for _ in range(4):  # the way round leads by the right one as well
        quiz.press("Tab") if quiz.focus() == "question" else quiz.press("ArrowDown")
        if quiz.options()[int(quiz.focus().split()[1])] == "Row 3":
            break
    quiz.press("Enter")
    quiz.root.get_by_text("✓ Right at try 2.").wait_for()
    forward(quiz)
    for text in quiz.options():
        quiz.press("Tab")
        if text in ("LayerNorm", "the embedding"):
            quiz.press("Space")
    quiz.press("Enter")
    quiz.root.get_by_text("✓ Right.").wait_for()
    forward(quiz)
    quiz.press("Tab")
    quiz.page.keyboard.type("2,359,296")
    quiz.press("Enter")
    quiz.root.get_by_text("The biases are missing.").wait_for()
    forward(quiz)
    right = ["scores", "mask", "softmax", "sum of the values"]
    for wanted in reversed(right):  # each to the top
        quiz.root.locator(f'[data-key="up {wanted}"]').focus()
        quiz.press(*["ArrowUp"] * quiz.options().index(wanted))
        assert quiz.focus() == f"up {wanted}"
    assert quiz.options() == right
    quiz.root.locator('[data-key="check"]').focus()
    quiz.press("Enter")
    quiz.root.get_by_text("✓ Right.").wait_for()
    forward(quiz)
    quiz.press("Tab", "ArrowDown", "ArrowDown", "ArrowRight", "Space")
    assert quiz.focus() == "cell 2 1"
    quiz.press("Tab", "Enter")
    quiz.root.get_by_text("✓ Right.").wait_for()
    forward(quiz)
    quiz.root.get_by_text("4 of 5 right, 3 of them at the first try.").wait_for()


def forward(quiz):
    quiz.root.locator('[data-key="next"]').focus()
    quiz.press("Enter")
    assert quiz.focus() == "question"


def still_there(quiz):
    """Question 3 is the one that is not right; the others are."""
    quiz.root.get_by_text("How many weights").wait_for()
    labels = [step.get_attribute("aria-label") for step in quiz.root.locator(".g2q-steps button").all()[:5]]
    assert [label.split(": ")[1] for label in labels] == ["right", "right", "not right yet", "right", "right"]


def test_answers_by_keyboard_outlive_reload_restart_and_reopening(lab, learner_copy):
    codes = [ASK, "print(asked.result)", "pass"]
    cells = [new_markdown_cell("## 3 · Ids → vectors\n\nA text."), *map(new_code_cell, codes)]
    path = learner_copy("00_map", cells)
    shutil.copy(path, lab.folder / "chapters")
    with lab.open(path, fresh=True, width=1366, height=768) as notebook:
        notebook.run(0)
        quiz = Keys(notebook)
        answer_all(quiz)
        # The chapter's own questions are others than these five.
        quiz.root.get_by_text(f"questions: 0 of {len(questions_of.of_chapter('00_map'))} answered").wait_for()
        assert notebook.run(1).strip() == "4 of 5 right, 3 of them at the first try."
        entries = json.loads((path.parent / "answers.json").read_text())["quizzes"]["00_map"]
        assert {id: entry["right"] for id, entry in entries.items()} == {
            "S1": True, "M1": True, "N1": False, "O1": True, "P1": True,
        }  # fmt: skip
        serious(notebook)
        notebook.theme(dark=True)
        quiz.root.locator(".g2q-steps button").first.click()
        serious(notebook)
        quiz.root.locator("button.g2q-see").first.click()  # the heading of this notebook
        assert notebook.blocked == [] and notebook.errors == []
        notebook.page.evaluate(RESTART)
        notebook.page.evaluate(READY)
        notebook.run(2)  # counts as 1, so that a new number tells that the next cell has run
        notebook.run(0)
        still_there_after(notebook)
        notebook.page.evaluate(SAVE)
    with lab.open(path, fresh=True) as notebook:  # another page, another kernel
        notebook.run(0)
        still_there_after(notebook)
        notebook.page.evaluate(SAVE)
        notebook.page.evaluate('() => window.jupyterapp.commands.execute("docmanager:reload")')
        still_there_after(notebook)


def still_there_after(notebook):
    quiz = Keys(notebook)
    quiz.root.get_by_text("4 of 5 right").or_(quiz.root.get_by_text("(type a number")).wait_for()
    quiz.root.locator(".g2q-steps button").nth(2).click()
    still_there(quiz)


def test_the_same_program_without_python(chromium):
    """In a page of its own, the browser's storage keeps the answers."""
    data = json.dumps(as_json("Quiz", "", questions_of.read(SAMPLE), 0)).replace("<", "\\u003c")
    start = f'showQuiz(document.body, {data}, storageHost(localStorage, "quiz", ({{ heading }}) => `#${{heading}}`));'
    html = f'<!doctype html><style>{css()}</style><body><script type="module">{module()}{start}</script></body>'
    page = chromium.new_context().new_page()
    page.route("**/*", lambda route: route.fulfill(body=html, content_type="text/html; charset=utf-8"))
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        page.goto("http://localhost/quiz.html")
        page.locator(f'.g2q[data-theme="{theme}"]').wait_for()
    page.get_by_label("Row 4").check()
    page.keyboard.press("Enter")
    assert page.get_by_role("link", name="See “Text → tokens → ids”").get_attribute("href") == "#Text → tokens → ids"
    page.reload()
    page.get_by_label("Question 1: not right yet").click()
    page.get_by_text("Places are counted from 0.").wait_for()
    assert page.get_by_label("Row 4").is_checked()
    assert page.get_by_text("<b>None</b> & nothing").count() == 1  # letters, not markup
    page.context.close()


def serious(notebook):
    """What axe-core finds."""
    notebook.page.evaluate(axe_source())
    found = notebook.page.evaluate(
        "axe.run('.g2q').then(r => r.violations.map(v => [v.impact, v.id, v.nodes[0].html]))"
    )
    assert [each for each in found if each[0] in LEVELS] == []
