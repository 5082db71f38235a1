"""The command `gpt2lab`: one table of commands, each a function that takes its own arguments.

To add a command, add a line to COMMANDS. The function takes the rest of the command line as a list
of strings and returns the exit code; its module is imported only when the command is used. A
``CourseError`` that it raises is shown as one sentence. Any other exception is a defect of the course
and is called that; ``gpt2lab --debug COMMAND`` shows the traceback of either.
"""

from __future__ import annotations

import atexit
import difflib
import gc
import importlib
import os
import sys
import traceback

from gpt2lab.errors import CourseError

COMMANDS = {  # name: (module:function, what it does)
    "open": ("gpt2lab.course.jupyter:open_command", "open the course in JupyterLab"),
    "test": ("gpt2lab.course.testing:test_command", "run every test and every notebook"),
    "doctor": ("gpt2lab.course.doctor:doctor_command", "say what is installed and what is missing"),
    "reset": ("gpt2lab.course.workspace:reset_command", "restore a chapter in work/, after a backup"),
    "progress": ("gpt2lab.course.progress:progress_command", "say what is done, chapter by chapter"),
    "share": ("gpt2lab.course.sharing:share_command", "prepare this folder for many learners"),
    "hub": ("gpt2lab.course.hub:hub_command", "a learner's server, as JupyterHub starts it"),
    "teach": ("gpt2lab.course.teach.command:teach_command", "make slides, editions and plans for a class"),
    "site": ("gpt2lab.course.teach.site:site_command", "make the course as a web site that opens from disk"),
    "train": ("gpt2lab.zoo.make:train_command", "train a toy model on a task"),
    "train-lab": ("gpt2lab.studies.lab.command:lab_command", "repeat rows of the ablation lab"),
    "explore": ("gpt2lab.explorer.serve:explore_command", "open the visual explorer without a notebook"),
    "export": ("gpt2lab.explorer.serve:export_command", "write the explorer to an HTML, PNG, SVG or CSV file"),
    "bench": ("gpt2lab.course.testing:bench_command", "run the benchmarks, or some by name"),
}
DONE, DEFECT, MISTAKE, INTERRUPTED, PIPE_CLOSED = 0, 1, 2, 130, 141  # exit codes


def usage() -> str:
    lines = [f"    gpt2lab {name:<9} {what}" for name, (_, what) in COMMANDS.items()]
    more = ["gpt2lab COMMAND --help says more.", "gpt2lab --debug COMMAND shows the traceback of an error."]
    return "\n".join(["usage: gpt2lab [--debug] COMMAND [...]", "", *lines, "", *more])


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code.

    0 for success, 1 for a failure that a command reports itself or for a defect of the course, 2 for a
    mistake in the call, 130 after Ctrl+C, 141 when the reader of the output has gone.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    atexit.register(gc.freeze)  # Python's last search for garbage in torch and JupyterLab takes up to half a second
    debug = arguments[:1] == ["--debug"]
    arguments = arguments[debug:]
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(usage())
        return DONE
    name, *rest = arguments
    if name not in COMMANDS:
        near = difflib.get_close_matches(name, COMMANDS, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        print(f"gpt2lab has no command {name!r}.{hint}\n\n{usage()}", file=sys.stderr)
        return MISTAKE
    try:
        return run(name, rest)
    except CourseError as error:
        if debug:
            traceback.print_exc()
        print(f"gpt2lab {name}: {error}", file=sys.stderr)
        return MISTAKE
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # `gpt2lab doctor | head` has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    except Exception as error:
        if debug:
            traceback.print_exc()
        advice = "." if debug else f"; gpt2lab --debug {' '.join(arguments)} shows where it happened."
        what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        print(f"gpt2lab {name}: a defect of the course, not of your call ({what}){advice}", file=sys.stderr)
        return DEFECT


def run(name: str, arguments: list[str]) -> int:
    """Import the module of a command and call its function."""
    module, function = COMMANDS[name][0].split(":")
    code: int = getattr(importlib.import_module(module), function)(arguments)
    return code


if __name__ == "__main__":
    sys.exit(main())
