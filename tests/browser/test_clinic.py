"""The clinic by keyboard alone; its answer is still there in another kernel."""

from nbformat.v4 import new_code_cell

CLINIC = "from gpt2lab.widgets import Clinic\nclinic = Clinic(topic='layer norm')\nclinic"


def pressed_by_keyboard(notebook, name, key):
    """Tab until the button has the focus, then press a key."""
    notebook.output(0).get_by_role("combobox").focus()
    focused = "() => document.activeElement.textContent.trim()"
    for _ in range(12):
        notebook.page.keyboard.press("Tab")
        if notebook.page.evaluate(focused) == name:
            return notebook.page.keyboard.press(key)
    raise AssertionError(f"Tab does not lead to {name}")


def test_a_bet_by_keyboard_is_there_again_in_another_kernel(lab, learner_copy):
    cells = [new_code_cell(source) for source in (CLINIC, "print(clinic.answer, clinic.result)")]
    path = learner_copy("15_claims", cells)
    with lab.open(path, fresh=True) as notebook:
        notebook.run(0)
        out = notebook.output(0)
        out.get_by_text("Place your bet; an experiment decides.").wait_for()
        statement = out.locator("[aria-live] div div").nth(1).inner_text()
        pressed_by_keyboard(notebook, "wrong", "Space")
        out.get_by_text("you bet “wrong”, it is").wait_for()
        assert out.get_by_role("row").count() > 0  # figures
        assert notebook.page.evaluate("() => document.activeElement.textContent.trim()") == "● wrong (yours)"
        pressed_by_keyboard(notebook, "Next", "Enter")
        out.get_by_text("Place your bet").wait_for()
        assert out.locator("[aria-live] div div").nth(1).inner_text() != statement
        assert "None 1 of 15 answered" in notebook.run(1) and notebook.blocked == notebook.errors == []
    with lab.open(path, fresh=True, dark=True) as notebook:  # the first kernel was shut down
        notebook.run(0)
        notebook.output(0).get_by_text("you bet “wrong”, it is").wait_for()
        assert notebook.output(0).locator("[aria-live] div div").nth(1).inner_text() == statement
        assert notebook.run(1).startswith("wrong 1 of 15 answered")
