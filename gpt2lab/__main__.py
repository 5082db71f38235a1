"""The command `gpt2lab`: one table of commands, each a function that takes its own arguments.

To add a command, add a line to COMMANDS. The function takes the rest of the command line as a list
of strings and returns the exit code; its module is imported only when the command is used. What it
raises as ValueError or as an error of the course's own is shown as one sentence, without a traceback.
"""

from __future__ import annotations

import difflib
import importlib
import os
import sys

from gpt2lab.errors import CheckpointError, DivergenceError
from gpt2lab.tokenizer.vocabulary import VocabularyError

COMMANDS = {  # name: (module:function, what it does)
    "open": ("gpt2lab.course.jupyter:open_command", "open the course in JupyterLab"),
    "test": ("gpt2lab.course.testing:test_command", "run every test and every notebook"),
    "doctor": ("gpt2lab.course.doctor:doctor_command", "say what is installed and what is missing"),
    "reset": ("gpt2lab.course.workspace:reset_command", "restore a chapter in work/, after a backup"),
    "train": ("gpt2lab.zoo.make:train_command", "train a toy model on a task"),
    "train-lab": ("gpt2lab.studies.lab.run:lab_command", "repeat rows of the ablation lab"),
    "explore": ("gpt2lab.explorer.serve:explore_command", "open the visual explorer without a notebook"),
    "export": ("gpt2lab.explorer.serve:export_command", "write the explorer to an HTML, PNG, SVG or CSV file"),
    "bench": ("gpt2lab.course.testing:bench_command", "run the benchmarks, or some by name"),
}


def usage() -> str:
    lines = [f"    gpt2lab {name:<8} {what}" for name, (_, what) in COMMANDS.items()]
    return "\n".join(["usage: gpt2lab COMMAND [...]", "", *lines, "", "gpt2lab COMMAND --help says more."])


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code: 0 for success, 2 for a mistake in the call."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(usage())
        return 0
    name, *rest = arguments
    if name not in COMMANDS:
        near = difflib.get_close_matches(name, COMMANDS, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        print(f"gpt2lab has no command {name!r}.{hint}\n\n{usage()}", file=sys.stderr)
        return 2
    module, function = COMMANDS[name][0].split(":")
    try:
        return getattr(importlib.import_module(module), function)(rest)
    except (ValueError, VocabularyError, CheckpointError, DivergenceError) as error:
        print(f"gpt2lab {name}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # `gpt2lab doctor | head` has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141


if __name__ == "__main__":
    sys.exit(main())
