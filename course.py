#!/usr/bin/env python3
"""Start the course: `python3 course.py` sets it up on first use and opens it in JupyterLab.

    python3 course.py [open] [--no-browser] [--port N] [--edit]
    python3 course.py test          the test tools as well, then every test and every notebook
    python3 course.py doctor        what is installed, what is missing, what to do about it
    python3 course.py ...           any other command of gpt2lab

Everything is installed into the folder .venv next to this file. Only the standard library is used
here, and only syntax that an old Python reads too, so that it can say that it is too old.
"""

import contextlib
import csv
import errno
import glob
import hashlib
import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.abspath(__file__))
VENV = os.path.join(ROOT, ".venv")
STAMP = os.path.join(VENV, "gpt2lab-setup.json")
LOG = os.path.join(VENV, "gpt2lab-setup.log")
MARKER = os.path.join(VENV, "gpt2lab-venv.json")  # says that .venv was made to its end, and for which folder
LOCK = VENV + ".lock"  # beside .venv, which may be made anew

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
        "This user may not write in {root}. Put the course in a folder of your own. If this one is shared, its owner"
        " has to run `python3 course.py` here, once after each change of the course.",
    ),
]


class Problem(Exception):
    """Something that the person can put right; the message says what and how."""


class Stopped(Exception):
    """A signal asked for the end. ``code`` is the exit code that shells expect then."""

    def __init__(self, number):
        super().__init__(f"stopped by signal {number}")
        self.code = 128 + number


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
    go_on()
    start = time.time()
    live = sys.stdout.isatty()
    with tempfile.TemporaryFile() as output:
        process = start_apart(command, output)
        try:
            if not live:
                say(line + " …")
            while True:
                try:
                    code = process.wait(timeout=0.2)
                    break
                except subprocess.TimeoutExpired:
                    go_on()
                    if live:
                        print(f"\r{line} … {time.time() - start:.0f} s", end="", flush=True)
        except BaseException:
            end(process)
            raise
        output.seek(0)
        text = output.read().decode("utf-8", "replace")
    if live:
        print(f"\r{line} … {time.time() - start:.0f} s", flush=True)
    if os.path.isdir(VENV):
        with open(LOG, "a", encoding="utf-8") as log:
            log.write(f"$ {' '.join(command)}\n{text}\n")
    return code, text


def start_apart(command, output):
    """Start a command in a group of its own, so that it can be ended with all it has started.

    It inherits the lock: should this process be killed, the next set-up waits for the command's end.
    (On Windows locks are not inherited.)
    """
    more = {}
    if os.name != "nt":
        more = {"start_new_session": True, "pass_fds": [lock.fileno()] if lock else []}
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, cwd=ROOT, **more
    )
    note_process(process.pid)
    return process


def end(process):
    """End a command and all it has started: asked first, so that pip removes its temporary files."""
    if os.name == "nt":
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        subprocess.call(["taskkill", "/F", "/T", "/PID", str(process.pid)], **quiet)
    else:
        for number in (signal.SIGINT, signal.SIGKILL):
            try:
                os.killpg(process.pid, number)
                process.wait(timeout=5)
            except (OSError, subprocess.TimeoutExpired):  # all ended, or the first one has not
                continue
    process.wait()


# ---------------------------------------------------------------- signals, and one set-up at a time

stops = []  # the signals that have asked for the end


def go_on():
    """Raise Stopped if a signal has asked for the end."""
    if stops:
        raise Stopped(stops[0])


@contextlib.contextmanager
def signals_noted():
    """Note signals instead of being interrupted by them: the set-up looks after them where it is safe."""
    before = {}
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) != signal.SIG_IGN:  # nohup: stay deaf
            before[number] = signal.signal(number, lambda number, frame: stops.append(number))
    try:
        yield
        go_on()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)


lock = None  # the open lock file, while this process sets up


@contextlib.contextmanager
def one_at_a_time():
    """Hold the lock of this folder. The system frees it when its processes end, however they end."""
    global lock
    with os.fdopen(os.open(LOCK, os.O_RDWR | os.O_CREAT, 0o666), "r+b", buffering=0) as file:
        told = False
        while not take(file):
            if not told:
                file.seek(0)
                process = file.read(20).decode("ascii", "replace").strip() or "unknown"
                say(f"Another set-up of this folder is running (process {process}). Waiting for it; Ctrl+C stops this.")
            told = True
            go_on()
            time.sleep(0.2)
        lock = file
        note_process(os.getpid())
        try:
            yield
        finally:
            lock = None


def take(file):
    """Try to lock an open file; False if another process holds it."""
    try:
        if os.name == "nt":
            import msvcrt

            file.seek(1 << 30)  # what is locked cannot be read, so that it lies far behind the process's number
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        # Another error: a file system without locks. Then there is none, as for every program there.
        return error.errno not in (errno.EACCES, errno.EAGAIN, errno.EDEADLK)
    return True


def note_process(number):
    """Write into the lock file whom the next one waits for."""
    if lock:
        lock.seek(0)
        lock.write(b"%-19d\n" % number)


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
    """Create .venv, unless a whole one for this folder is there.

    One whose making was interrupted lacks the marker. One that was moved starts other folders' programs.
    """
    if read_json(MARKER).get("folder") == VENV and venv_works():
        return
    remove(MARKER)  # --clear removes in any order
    code, text = step("Creating .venv", [python, "-m", "venv", "--clear", VENV])
    if code:
        if re.search(r"ensurepip|No module named '?venv", text):
            raise Problem(
                "This Python has no working venv module. On Debian or Ubuntu: sudo apt install"
                " python3-venv (or python3.X-venv for your version). Elsewhere, install Python"
                " from https://www.python.org/downloads/"
            )
        raise Problem(explain(text))
    write_json(MARKER, {"folder": VENV})


def site_packages():
    """The folders of .venv with its packages."""
    return glob.glob(os.path.join(glob.escape(VENV), "lib", "python*", "site-packages")) + glob.glob(
        os.path.join(glob.escape(VENV), "Lib", "site-packages")
    )


def half_installed(folder, thorough=True):
    """The names of the *.dist-info folders in ``folder`` whose package was not written to its end.

    pip writes the list of a package's files, RECORD, last, and names its own file INSTALLER there; the
    RECORD that comes with the package does not. ``thorough`` compares the files with the list, too.
    """
    names = sorted(name for name in os.listdir(folder) if name.endswith(".dist-info"))
    return [name for name in names if not is_whole(folder, name, thorough)]


def is_whole(folder, name, thorough):
    try:
        with open(os.path.join(folder, name, "RECORD"), encoding="utf-8", newline="") as file:
            rows = [row for row in csv.reader(file) if row]
        if name + "/INSTALLER" not in [row[0].replace("\\", "/") for row in rows]:
            with open(os.path.join(folder, name, "INSTALLER"), encoding="utf-8") as file:
                return file.read().strip() not in ("", "pip")  # conda and others keep lists of their own
        return not thorough or all(
            os.path.getsize(os.path.join(folder, row[0])) == int(row[2]) for row in rows if len(row) > 2 and row[2]
        )
    except (OSError, ValueError, csv.Error):
        return False


def remove_half_installed():
    """Make pip install again what it was installing when it was killed; it would take it for done."""
    for folder in site_packages():
        # A name with ~ is what pip gives to an old version while it installs the new one.
        leftovers = [name for name in os.listdir(folder) if name.startswith("~")]
        for name in half_installed(folder) + leftovers:
            remove(os.path.join(folder, name))


def remove(path):
    """Remove a file or a folder, if it is there."""
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.remove(path)


def has_nvidia():
    """True when an NVIDIA driver answers."""
    for program in ("nvidia-smi", "/usr/lib/wsl/lib/nvidia-smi"):
        if shutil.which(program):
            listed = subprocess.run([program, "-L"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            if listed.returncode == 0 and b"GPU" in listed.stdout:
                return True
    return False


def torch_pin():
    """The tested version of torch, without a build label; None if no version is asked for."""
    with open(os.path.join(ROOT, "constraints.txt"), encoding="utf-8") as lines:
        found = re.search(r"^torch==([\d.]+)", lines.read(), re.MULTILINE)
    return found and found.group(1)


def installed_torch():
    """The version of torch in .venv, or an empty string."""
    ask = "from importlib.metadata import version; print(version('torch'))"
    found = subprocess.run([venv_python(), "-c", ask], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return found.stdout.decode().strip()


def pip(*arguments):
    return [venv_python(), "-m", "pip", "--disable-pip-version-check", "--no-input"] + list(arguments)


def install_torch():
    """On Linux without an NVIDIA GPU, take the small CPU build wherever one can be had.

    PyPI's build for Linux brings CUDA, which is of no use there and many times larger. On macOS and
    Windows PyPI's build is the CPU one, so that the next step installs it like any package.
    """
    pin = torch_pin()
    if pin is None or not sys.platform.startswith("linux") or installed_torch().split("+")[0] == pin:
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
    key = hashlib.sha256(("2 " + ROOT).encode("utf-8"))  # 2: since what is half installed is found
    for name in ("pyproject.toml", "constraints.txt"):
        with open(os.path.join(ROOT, name), "rb") as file:
            key.update(file.read())
    return key.hexdigest()


def read_json(path):
    """The dictionary in a file of ours; empty if it was never written, or is damaged."""
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def write_json(path, what):
    """Write a file of ours in one step: an interruption leaves the old one or the new one."""
    part = path + ".part"
    with open(part, "w", encoding="utf-8") as file:
        json.dump(what, file)
    os.replace(part, path)


def is_set_up(with_tests):
    stamp = read_json(STAMP)
    return (
        stamp.get("key") == setup_key()
        and (stamp.get("tests") is True or not with_tests)
        and os.path.exists(venv_python())
        and not any(half_installed(folder, thorough=False) for folder in site_packages())
    )


def set_up(with_tests):
    """Set up once. Every step can be interrupted, and the next run goes on there."""
    if is_set_up(with_tests):
        return
    with signals_noted(), one_at_a_time():
        if not is_set_up(with_tests):  # by the process that was waited for
            every_step(with_tests)


def every_step(with_tests):
    """The steps of the set-up. The stamp says for which course they were done, and is written last."""
    start = time.time()
    with_tests = with_tests or read_json(STAMP).get("tests") is True  # once there, they are kept up to date
    python = choose_python()
    if not os.path.exists(venv_python()):
        need_space(GIGABYTES_CPU)
    make_venv(python)
    write_json(STAMP, {"tests": with_tests})  # without a key: not valid until the end
    remove_half_installed()
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
    write_json(STAMP, {"key": setup_key(), "tests": with_tests})
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
    except (KeyboardInterrupt, Stopped) as stop:
        print("\nStopped. Run the same command again: it goes on where it stopped.", file=sys.stderr)
        return getattr(stop, "code", 130)
    command = [venv_python(), "-m", "gpt2lab"] + arguments
    if os.name != "nt":
        os.execv(command[0], command)  # one process, so that Ctrl+C and signals reach the right one
    return subprocess.call(command)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
