"""A course of two tiny packages, so that set-ups can be run, and killed, in seconds and without a network.

``course.py`` is the real one, pip and venv too. The packages are wheels in a folder, and the course
builds itself, so that no build tool has to be fetched.
"""

import base64
import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FILES = 40  # modules in each package

PYPROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]

[project]
name = "gpt2lab"
version = "0.1.0"
dependencies = ["tiny-one", "tiny-two"]
"""

BACKEND = '''
"""Builds the editable wheel: a line that adds this folder to Python's path."""
import os, sys
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "helpers"))
import make_wheel

def build_editable(folder, config_settings=None, metadata_directory=None):
    here = os.path.dirname(os.path.abspath(__file__))
    files = {"gpt2lab_here.pth": here + "\\n"}
    return make_wheel.write(folder, "gpt2lab", "0.1.0", files, ["tiny-one", "tiny-two"])
'''

# What `python -m gpt2lab` does in the small course: it looks whether everything is there.
MAIN = """
import importlib, os, sys, sysconfig
here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, here)
import course
broken = course.half_installed(sysconfig.get_path("purelib"))
for package in ("tiny_one", "tiny_two"):
    for number in range({files}):
        assert importlib.import_module(f"{{package}}.m{{number}}").NUMBER == number
import pip._internal.cli.main
print("broken:", broken)
sys.exit(bool(broken))
"""

# Loaded by every Python that starts with this folder on its path: sends a signal when a file is written.
# venv's own call of pip ignores that path; there a thread waits for the file.
HOOK = """
import glob, os, signal, sys, threading, time

def now():
    number, starter = int(os.environ["SMALL_COURSE_SIGNAL"]), int(open(os.environ["SMALL_COURSE_PID"]).read())
    os.kill(starter, number)
    if go := os.environ.pop("SMALL_COURSE_GO", None):
        while not os.path.exists(go):
            time.sleep(0.05)
        os.environ["SMALL_COURSE_AT"] = " no such file "
        return
    if number == signal.SIGKILL:
        os.killpg(0, number)  # as when the computer is switched off
    while True:
        time.sleep(1)  # until course.py ends this process

def wait():
    while not glob.glob(os.path.join(os.getcwd(), ".venv", "lib", "*", "site-packages", os.environ["SMALL_COURSE_AT"])):
        time.sleep(0.001)  # without it pip gets half the interpreter's time
    now()

def hook(event, arguments):
    if event == "open" and isinstance(arguments[0], str) and arguments[2] & (os.O_WRONLY | os.O_RDWR):
        if os.environ["SMALL_COURSE_AT"] in arguments[0]:
            now()
    if event == "subprocess.Popen" and "ensurepip" in arguments[1]:
        threading.Thread(target=wait, daemon=True).start()

if "SMALL_COURSE_AT" in os.environ and "course.py" not in " ".join(sys.orig_argv):
    sys.addaudithook(hook)
"""

STARTER = """
import os, runpy, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job would ignore it
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # and so would nohup
open(os.environ["SMALL_COURSE_PID"], "w").write(str(os.getpid()))
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def write(folder, name, version, files, requires=()):
    """Write a wheel of these text files; returns its name."""
    info = f"{name}-{version}.dist-info"
    needs = "".join(f"Requires-Dist: {one}\n" for one in requires)
    files = {
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    rows = [f"{path},sha256={_digest(text)},{len(text.encode())}" for path, text in files.items()]
    files[f"{info}/RECORD"] = "\n".join([*rows, f"{info}/RECORD,,", ""])
    wheel = f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(Path(folder) / wheel, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return wheel


def _digest(text):
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


class SmallCourse:
    """The course in ``folder``. ``run()`` starts its set-up and then its ``doctor``.

    ``venv``, the folder of a fresh virtual environment, is copied into it, as if the set-up had made one there.
    """

    def __init__(self, folder, venv=None):
        self.folder = folder
        (folder / "wheels").mkdir(parents=True)
        (folder / "helpers").mkdir()
        (folder / "hook").mkdir()
        (folder / "gpt2lab" / "tokenizer").mkdir(parents=True)
        shutil.copy(ROOT / "course.py", folder)
        shutil.copy(__file__, folder / "helpers" / "make_wheel.py")
        texts = {
            "pyproject.toml": PYPROJECT,
            "constraints.txt": "tiny-one==1.0\ntiny-two==1.0\n",
            "backend.py": BACKEND,
            "gpt2lab/__init__.py": "",
            "gpt2lab/__main__.py": MAIN.format(files=FILES),
            "gpt2lab/tokenizer/__init__.py": "",
            "gpt2lab/tokenizer/vocabulary.py": "class VocabularyError(Exception): pass\ndef ensure(): pass\n",
            "hook/sitecustomize.py": HOOK,
            "start.py": STARTER,
        }
        for name, text in texts.items():
            (folder / name).write_text(text)
        for name in ("tiny_one", "tiny_two"):
            modules = {f"{name}/m{number}.py": f"NUMBER = {number}\n" for number in range(FILES)}
            write(folder / "wheels", name, "1.0", {f"{name}/__init__.py": "", **modules})
        if venv:
            here = shutil.copytree(venv, folder / ".venv", symlinks=True)
            (here / "gpt2lab-venv.json").write_text(json.dumps({"folder": str(here)}))

    def environment(self, **more):
        """No network and no settings of this computer; with ``at``, a signal when such a file is written."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "PYTHON"))}
        ours = {
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": (self.folder / "wheels").as_uri(),  # pip splits at blanks
            "PIP_CONFIG_FILE": os.devnull,
            "SMALL_COURSE_PID": str(self.folder / "pid"),
        }
        return {**kept, **ours, **more}

    def start(self, at=None, number=None, go=None):
        """Start `course.py doctor`; ``number`` is the signal that it gets when a file like ``at`` is written.

        With ``go``, what writes that file is left running, and goes on once the file ``go`` is there.
        """
        hook = {"SMALL_COURSE_GO": str(go)} if go else {}
        if at:
            hook |= {"PYTHONPATH": str(self.folder / "hook"), "SMALL_COURSE_AT": at, "SMALL_COURSE_SIGNAL": str(number)}
        command = [sys.executable, str(self.folder / "start.py"), str(self.folder / "course.py"), "doctor"]
        return subprocess.Popen(
            command, env=self.environment(**hook), cwd=self.folder,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    def run(self, at=None, number=None):
        """Start it and wait: (exit code, what it said)."""
        process = self.start(at, number)
        said, _ = process.communicate()
        return process.returncode, said
