"""The command line: one table, one sentence for a mistake, nothing heavy loaded to print help."""

import importlib
import subprocess
import sys

import pytest

from gpt2lab import __main__ as cli
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


@pytest.mark.parametrize("error", [ValueError("expected 1, received 2"), VocabularyError("not there")])
def test_a_mistake_is_one_sentence(monkeypatch, capsys, error):
    def fail(arguments):
        raise error

    monkeypatch.setattr("gpt2lab.course.workspace.reset_command", fail)
    assert cli.main(["reset", "3"]) == 2
    assert capsys.readouterr().err == f"gpt2lab reset: {error}\n"


def test_arguments_and_exit_code_pass_through(monkeypatch):
    received = []
    monkeypatch.setattr("gpt2lab.course.workspace.reset_command", lambda rest: received.append(rest) or 7)
    assert cli.main(["reset", "03", "--x"]) == 7
    assert received == [["03", "--x"]]


def test_help_does_not_wait_for_torch():
    ask = "import sys; from gpt2lab import __main__ as cli; cli.main([]); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True)
    assert done.stdout.endswith("False\n")
