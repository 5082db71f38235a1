"""The command line: one table, one sentence for a mistake, nothing heavy loaded to print help."""

import importlib
import subprocess
import sys

import pytest

from gpt2lab import __main__ as cli
from gpt2lab.errors import DivergenceError, InputError
from gpt2lab.tokenizer.vocabulary import VocabularyError


def test_without_a_command_it_lists_them(capsys):
    assert cli.main([]) == 0
    shown = capsys.readouterr().out
    assert all(f"gpt2lab {name}" in shown for name in cli.COMMANDS)


def test_the_finished_commands_are_there():
    assert {"open", "test", "doctor", "reset", "bench"} <= set(cli.COMMANDS)


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_exists_and_explains_itself(name, capsys):
    module, function = cli.COMMANDS[name][0].split(":")
    assert callable(getattr(importlib.import_module(module), function))
    with pytest.raises(SystemExit) as end:
        cli.main([name, "--help"])
    assert end.value.code == 0
    assert f"gpt2lab {name}" in capsys.readouterr().out


def test_unknown_command(capsys):
    assert cli.main(["tets"]) == 2
    assert "no command 'tets'. Did you mean 'test'?" in capsys.readouterr().err


@pytest.fixture
def reset_raises(monkeypatch):
    """Let `gpt2lab reset` end with an exception."""

    def prepare(error):
        def fail(arguments):
            raise error

        monkeypatch.setattr("gpt2lab.course.workspace.reset_command", fail)

    return prepare


MISTAKES = [InputError("expected 1, received 2"), VocabularyError("not there"), DivergenceError(3, 9.0, "go slower")]


@pytest.mark.parametrize("error", MISTAKES, ids=lambda error: type(error).__name__)
def test_a_mistake_is_one_sentence(reset_raises, capsys, error):
    reset_raises(error)
    assert cli.main(["reset", "3"]) == 2
    assert capsys.readouterr().err == f"gpt2lab reset: {error}\n"


@pytest.mark.parametrize("error", [ValueError("x"), KeyError("wte"), RuntimeError(), OSError("y")], ids=repr)
def test_a_defect_of_the_course_is_not_blamed_on_the_caller(reset_raises, capsys, error):
    reset_raises(error)
    assert cli.main(["reset", "3"]) == 1
    shown = capsys.readouterr().err
    assert len(shown.splitlines()) == 1
    assert "a defect of the course" in shown and type(error).__name__ in shown and str(error) in shown
    assert "gpt2lab --debug reset 3" in shown and "()" not in shown


@pytest.mark.parametrize(("error", "code"), [(ValueError("x"), 1), (InputError("x"), 2)])
def test_debug_shows_the_traceback_and_keeps_the_exit_code(reset_raises, capsys, error, code):
    reset_raises(error)
    assert cli.main(["--debug", "reset", "3"]) == code
    shown = capsys.readouterr().err
    assert "Traceback" in shown and "in fail" in shown and "--debug" not in shown


def test_ctrl_c_is_no_error(reset_raises, capsys):
    reset_raises(KeyboardInterrupt())
    assert cli.main(["reset", "3"]) == 130
    assert capsys.readouterr().err == ""


def test_arguments_and_exit_code_pass_through(monkeypatch):
    received = []
    monkeypatch.setattr("gpt2lab.course.workspace.reset_command", lambda rest: received.append(rest) or 7)
    assert cli.main(["reset", "03", "--x"]) == 7
    assert cli.main(["--debug", "reset", "--debug"]) == 7
    assert received == [["03", "--x"], ["--debug"]]


def test_help_does_not_wait_for_torch():
    ask = "import sys; from gpt2lab import __main__ as cli; cli.main([]); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True)
    assert done.stdout.endswith("False\n")
