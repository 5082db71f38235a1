#!/usr/bin/env python3
"""Start the course: `python3 course.py` sets it up on first use and opens it in JupyterLab.

    python3 course.py [open] [--no-browser] [--port N] [--edit]
    python3 course.py test          the test tools as well, then every test and every notebook
    python3 course.py doctor        what is installed, what is missing, what to do about it
    python3 course.py ...           any other command of gpt2lab

Everything is installed into the folder .venv next to this file. Only the standard library is used
here, and only syntax that an old Python reads too, so that it can say that it is too old.
"""

import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.abspath(__file__))
VENV = os.path.join(ROOT, ".venv")
STAMP = os.path.join(VENV, "gpt2lab-setup.json")
LOG = os.path.join(VENV, "gpt2lab-setup.log")

OLDEST, NEWEST = (3, 11), (3, 13)
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
GIGABYTES_CPU, GIGABYTES_CUDA = 2.5, 9.0  # free space the set-up needs, with its temporary files

# What pip and Python print, and what it means for the person in front of the screen.
TROUBLES = [
    (
        r"No space left on device|Errno 28|not enough space",
        "The disk is full. Set-up needs about {need:.1f} GB in {root}, and {free:.1f} GB are free there."
        " It also uses {temp} for a moment (set TMPDIR to move that). Make room, then run this again.",
    ),
    (
        r"CERTIFICATE_VERIFY_FAILED|SSLError|SSLCertVerificationError",
        "The package index answered with a certificate that this computer does not trust. On a company"
        " network, tell pip its certificate: python3 -m pip config set global.cert /path/to/cert.pem",
    ),
    (
        r"ProxyError|407 Proxy",
        "The network's proxy refused the connection. Set HTTPS_PROXY=http://name:password@host:port and"
        " run this again.",
    ),
    (
        r"name resolution|Name or service not known|getaddrinfo failed|nodename nor servname"
        r"|NewConnectionError|Failed to establish a new connection|ConnectTimeout|Network is unreachable"
        r"|Read timed out|ReadTimeout|Connection refused|ConnectionResetError|IncompleteRead",
        "The package index could not be reached. Is this computer online? Behind a proxy, set"
        " HTTPS_PROXY=http://host:port. Then run this again: what has been installed stays.",
    ),
    (
        r"No matching distribution found for ([^\s,]+)",
        "The package index has no {0} for this computer ({machine}, Python {python}). The course needs"
        " Linux, Windows or macOS on Apple silicon, 64 bit, and a complete index.",
    ),
    (
        r"Permission denied|Errno 13|Access is denied",
        "This user may not write in {root}. Put the course in a folder of your own.",
    ),
]


class Problem(Exception):
    """Something that the person can put right; the message says what and how."""


# ---------------------------------------------------------------- which Python


def version_problem(version):
    """Why this Python cannot run the course, or None."""
    if version[:2] < OLDEST:
        return f"Python {version[0]}.{version[1]} is too old"
    if version[:2] > NEWEST:
        return f"Python {version[0]}.{version[1]} is newer than what the course was tested with"
    return None


def other_python(run=subprocess.run):
    """Another interpreter on this computer that fits, newest first, or None."""
    ask = "import sys, venv, ensurepip; print(sys.executable)"
    for minor in range(NEWEST[1], OLDEST[1] - 1, -1):
        for command in ([f"python3.{minor}"], ["py", f"-3.{minor}"]):
            if shutil.which(command[0]):
                found = run(command + ["-c", ask], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
                if found.returncode == 0:
                    return found.stdout.decode().strip()
    return None


def choose_python():
    """The interpreter to build .venv with: this one, or another that fits."""
    problem = version_problem(sys.version_info)
    if problem is None:
        return sys.executable
    other = other_python()
    if other is None:
        raise Problem(f"{problem}. The course needs Python 3.11, 3.12 or 3.13: https://www.python.org/downloads/")
    say(f"{problem}; using {other}")
    return other


# ---------------------------------------------------------------- running things


def say(line):
    print(line, flush=True)


def step(line, command):
    """Run a command under one line of text. Its own output goes to the log and is returned."""
    start = time.time()
    live = sys.stdout.isatty()
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, cwd=ROOT)
        try:
            if not live:
                say(line + " …")
            while True:
                try:
                    code = process.wait(timeout=1)
                    break
                except subprocess.TimeoutExpired:
                    if live:
                        print(f"\r{line} … {time.time() - start:.0f} s", end="", flush=True)
        except BaseException:
            process.terminate()
            process.wait()
            raise
        output.seek(0)
        text = output.read().decode("utf-8", "replace")
    if live:
        print(f"\r{line} … {time.time() - start:.0f} s", flush=True)
    if os.path.isdir(VENV):
        with open(LOG, "a", encoding="utf-8") as log:
            log.write(f"$ {' '.join(command)}\n{text}\n")
    return code, text


def explain(text):
    """The first known trouble in a command's output, in plain words."""
    for pattern, message in TROUBLES:
        found = re.search(pattern, text)
        if found:
            return message.format(
                *found.groups(),
                root=ROOT,
                temp=tempfile.gettempdir(),
                need=GIGABYTES_CPU,
                free=shutil.disk_usage(ROOT).free / 1e9,
                machine=f"{sys.platform} {platform.machine()}",
                python=platform.python_version(),
            )
    last = [line for line in text.strip().splitlines() if line.strip()][-3:]
    return "\n  ".join(["Set-up stopped. The last lines were:"] + last) + f"\nAll of it is in {LOG}"


def must(line, command):
    code, text = step(line, command)
    if code:
        raise Problem(explain(text))


# ---------------------------------------------------------------- the steps


def venv_python():
    return os.path.join(VENV, *(["Scripts", "python.exe"] if os.name == "nt" else ["bin", "python"]))


def venv_works():
    try:
        done = subprocess.run([venv_python(), "-c", "import pip"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    except OSError:  # not there, or not runnable
        return False
    return done.returncode == 0


def make_venv(python):
    """Create .venv, unless a working one is there. An interrupted one is made anew."""
    if venv_works():
        return
    code, text = step("Creating .venv", [python, "-m", "venv", "--clear", VENV])
    if code:
        if re.search(r"ensurepip|No module named '?venv", text):
            raise Problem(
                "This Python has no working venv module. On Debian or Ubuntu: sudo apt install"
                " python3-venv (or python3.X-venv for your version). Elsewhere, install Python"
                " from https://www.python.org/downloads/"
            )
        raise Problem(explain(text))


def has_nvidia():
    """True when an NVIDIA driver answers."""
    for program in ("nvidia-smi", "/usr/lib/wsl/lib/nvidia-smi"):
        if shutil.which(program):
            listed = subprocess.run([program, "-L"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            if listed.returncode == 0 and b"GPU" in listed.stdout:
                return True
    return False


def torch_pin():
    """The tested version of torch, without a build label."""
    with open(os.path.join(ROOT, "constraints.txt"), encoding="utf-8") as lines:
        return re.search(r"^torch==([\d.]+)", lines.read(), re.MULTILINE).group(1)


def installed_torch():
    """The version of torch in .venv, or an empty string."""
    ask = "from importlib.metadata import version; print(version('torch'))"
    found = subprocess.run([venv_python(), "-c", ask], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return found.stdout.decode().strip()


def pip(*arguments):
    return [venv_python(), "-m", "pip", "--disable-pip-version-check"] + list(arguments)


def install_torch():
    """On Linux without an NVIDIA GPU, take the small CPU build wherever one can be had.

    PyPI's build for Linux brings CUDA, which is of no use there and many times larger. On macOS and
    Windows PyPI's build is the CPU one, so that the next step installs it like any package.
    """
    pin = torch_pin()
    if not sys.platform.startswith("linux") or installed_torch().split("+")[0] == pin:
        return
    if has_nvidia():
        need_space(GIGABYTES_CUDA)
        say("NVIDIA GPU found: torch comes with CUDA, several gigabytes")
        return
    wanted = f"torch=={pin}+cpu"
    tested = ["-c", os.path.join(ROOT, "constraints.txt")]
    index = ["--extra-index-url", CPU_INDEX]
    # A question that downloads nothing: does any place offer it? No retries, because most do not.
    ask = ["install", "--dry-run", "--no-deps", "--retries", "0", "--timeout", "8", wanted]
    for where, place in (("pip's own places", []), ("PyTorch's CPU index", index)):
        if step(f"Looking for {wanted} in {where}", pip(*(ask + place)))[0] == 0:
            must(f"Installing {wanted} (about 200 MB)", pip("install", wanted, *(tested + place)))
            return
    need_space(GIGABYTES_CUDA)
    say(
        "The CPU build is out of reach. The default build of torch brings CUDA: about 2.7 GB to download,"
        f" several more on disk. (Ctrl+C stops; {CPU_INDEX} offers the small one.)"
    )


def need_space(gigabytes):
    free = shutil.disk_usage(ROOT).free / 1e9
    if free < gigabytes:
        raise Problem(
            f"Set-up needs about {gigabytes:.1f} GB of disk in {ROOT}, and {free:.1f} GB are free."
            " Make room, then run this again."
        )


def setup_key():
    """Changes whenever the set-up has to run again: other packages, other versions, another folder."""
    key = hashlib.sha256(ROOT.encode("utf-8"))
    for name in ("pyproject.toml", "constraints.txt"):
        with open(os.path.join(ROOT, name), "rb") as file:
            key.update(file.read())
    return key.hexdigest()


def read_stamp():
    try:
        with open(STAMP, encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError):  # never written, or damaged: both ask for a set-up
        return {}


def is_set_up(with_tests):
    stamp = read_stamp()
    return stamp.get("key") == setup_key() and stamp.get("tests", False) >= with_tests and os.path.exists(venv_python())


def set_up(with_tests):
    """Every step of the set-up. Each can be interrupted; the stamp is written last."""
    if is_set_up(with_tests):
        return
    start = time.time()
    with_tests = with_tests or read_stamp().get("tests", False)  # once there, they are kept up to date
    python = choose_python()
    if not os.path.exists(venv_python()):
        need_space(GIGABYTES_CPU)
    make_venv(python)
    install_torch()
    what = ROOT + ("[test]" if with_tests else "")
    size = "and its test tools (about 200 MB)" if with_tests else "(about 120 MB)"
    must(f"Installing the course {size}", pip("install", "-e", what, "-c", os.path.join(ROOT, "constraints.txt")))
    fetch = (
        "import sys\nfrom gpt2lab.tokenizer import vocabulary\ntry: vocabulary.ensure()\n"
        "except vocabulary.VocabularyError as error: sys.exit(str(error))"
    )
    code, text = step("Fetching GPT-2's vocabulary", [venv_python(), "-c", fetch])
    if code:
        say("  " + (text.strip().splitlines() or ["failed"])[-1])
    with open(STAMP, "w", encoding="utf-8") as file:
        json.dump({"key": setup_key(), "tests": with_tests}, file)
    say(f"Set up in {time.time() - start:.0f} s")


def main(arguments):
    if arguments and arguments[0] in ("-h", "--help"):
        print(__doc__)
        return 0
    if not arguments or arguments[0].startswith("-"):
        arguments = ["open"] + arguments
    try:
        set_up(with_tests=arguments[0] == "test")
    except Problem as problem:
        print(f"\n{problem}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"\n{explain(str(error))}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. Run the same command again: it goes on where it stopped.", file=sys.stderr)
        return 130
    command = [venv_python(), "-m", "gpt2lab"] + arguments
    if os.name != "nt":
        os.execv(command[0], command)  # one process, so that Ctrl+C and signals reach the right one
    return subprocess.call(command)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
