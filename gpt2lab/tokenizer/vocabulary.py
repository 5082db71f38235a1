"""The real GPT-2 vocabulary, kept in a per-user folder so that no notebook needs the network.

GPT-2's 50,257 tokens are 256 single bytes, 50,000 merges and ``<|endoftext|>``. tiktoken publishes
the bytes and merges as ``r50k_base.tiktoken`` (the ranks are GPT-2's own) and checks the file's
sha256. The course never ships that file: set-up calls :func:`ensure` once, and from then on
:func:`read_gpt2_encoding` reads it from disk.

Sources: Radford et al. 2019, section 2.2 (byte-level BPE); tiktoken, ``tiktoken_ext/openai_public.py``.
"""

from __future__ import annotations

import functools
import hashlib
import os
import subprocess
import sys
import tarfile
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import platformdirs
import tiktoken

from gpt2lab.errors import CourseError
from gpt2lab.files import atomic_write

URL = "https://openaipublic.blob.core.windows.net/encodings/r50k_base.tiktoken"
SHA256 = "306cd27f03c1a714eca7108e03d66b7dc042abe8c258b44c199a7ed9838dd930"
FILE_NAME = hashlib.sha1(URL.encode()).hexdigest()  # the name under which tiktoken looks it up

# Where tiktoken's host is blocked, the package index usually is not: the same file lies in here.
FALLBACK_PACKAGE = "openai-whisper==20250625"
FALLBACK_MEMBER = "whisper/assets/gpt2.tiktoken"

ADVICE = (
    "Run `python3 course.py` (or `gpt2lab doctor --fix`) once with a network that reaches the "
    "Python package index. Everything that does not use real GPT-2 tokens works without it."
)

_environment = threading.RLock()  # folders are found by environment variables, which are global


class VocabularyError(CourseError, RuntimeError):
    """GPT-2's vocabulary is not on this computer and could not be fetched."""


def cache_dir() -> Path:
    """The per-user folder of the vocabulary: the same for every program this user starts.

    XDG_CACHE_HOME does not decide it: it is often set in a terminal only, and a kernel started by VS
    Code has to look in the same place as the terminal that ran the set-up.
    """
    with _variable("XDG_CACHE_HOME", None):
        return platformdirs.user_cache_path("gpt2lab", appauthor=False, opinion=False) / "tiktoken"


def cache_file() -> Path:
    """The vocabulary file itself, 836 kB, whether or not it exists yet."""
    return cache_dir() / FILE_NAME


def shared_dir() -> Path:
    """A folder of this environment, for users who share it read-only; `gpt2lab share` fills it."""
    return Path(sys.prefix) / "share" / "gpt2lab" / "tiktoken"


def found_in() -> Path | None:
    """The folder, the user's own or else the shared one, that has the whole, unaltered vocabulary."""
    for folder in (cache_dir(), shared_dir()):
        try:
            if hashlib.sha256((folder / FILE_NAME).read_bytes()).hexdigest() == SHA256:
                return folder
        except OSError:
            continue
    return None


def available() -> bool:
    """True when the whole, unaltered vocabulary is on disk. Never touches the network."""
    return found_in() is not None


@functools.cache
def read_gpt2_encoding() -> tiktoken.Encoding:
    """GPT-2's encoding, read from disk.

    Returns
    -------
    tiktoken.Encoding
        Named ``"gpt2"``, with ``n_vocab`` 50257 and ``<|endoftext|>`` = 50256.

    Raises
    ------
    VocabularyError
        If the file is missing or damaged. The message says how to get it.
    """
    if (folder := found_in()) is None:
        raise VocabularyError(f"GPT-2's vocabulary is not in {cache_dir()}. {ADVICE}")
    from tiktoken_ext.openai_public import r50k_base

    with _variable("TIKTOKEN_CACHE_DIR", str(folder)):
        parameters = r50k_base()
    return tiktoken.Encoding(**{**parameters, "name": "gpt2"})


def ensure(report: Callable[[str], None] | None = None, timeout: float = 60.0) -> Path:
    """Put the vocabulary on disk unless it is there already.

    Tries, in this order: a copy that tiktoken has cached before, tiktoken's own download, and the
    copy inside the source distribution of the PyPI package ``openai-whisper``.

    Parameters
    ----------
    report
        Called with one line of text per step.
    timeout
        Seconds after which tiktoken's download is given up (a silent firewall never answers).

    Returns
    -------
    Path
        The vocabulary file.

    Raises
    ------
    VocabularyError
        If every place failed. The message names each with its reason.
    """
    say = report or (lambda line: None)
    if folder := found_in():
        return folder / FILE_NAME
    sources = {
        "tiktoken's own cache": _from_tiktoken_cache,
        "tiktoken's download": lambda: _from_tiktoken(timeout),
        f"the package {FALLBACK_PACKAGE}": _from_package,
    }
    failures = []
    for name, fetch in sources.items():
        try:
            data = fetch()
        except subprocess.TimeoutExpired as error:
            failures.append(f"{name}: no answer within {error.timeout:g} s")
            continue
        except (OSError, LookupError, ValueError, tarfile.TarError) as error:
            failures.append(f"{name}: {error}")
            continue
        try:
            _store(data)
        except ValueError as error:
            failures.append(f"{name}: {error}")
        except OSError as error:  # the folder cannot be written: another copy would not help
            failures.append(f"found, and not kept: {error}")
            break
        else:
            say(f"GPT-2 vocabulary from {name}")
            return cache_file()
    raise VocabularyError(f"GPT-2's vocabulary could not be fetched ({'; '.join(failures)}). {ADVICE}")


def share() -> Path:
    """Copy the vocabulary into :func:`shared_dir`."""
    return _store(ensure().read_bytes(), shared_dir() / FILE_NAME)


def _store(data: bytes, file: Path | None = None) -> Path:
    """Write the vocabulary in one step, so that an interruption leaves nothing half done."""
    if (found := hashlib.sha256(data).hexdigest()) != SHA256:
        raise ValueError(f"expected sha256 {SHA256[:12]}…, received {found[:12]}… ({len(data)} bytes)")
    file = file or cache_file()
    with atomic_write(file) as part:
        part.write_bytes(data)
    return file


def _from_tiktoken_cache() -> bytes:
    """A copy that another program's tiktoken has left, in the places tiktoken itself uses."""
    places = [os.environ.get("TIKTOKEN_CACHE_DIR"), os.environ.get("DATA_GYM_CACHE_DIR")]
    places.append(os.path.join(tempfile.gettempdir(), "data-gym-cache"))
    for place in filter(None, places):
        if (path := Path(place) / FILE_NAME).is_file():
            return path.read_bytes()
    raise FileNotFoundError("no copy there")


def _from_tiktoken(timeout: float) -> bytes:
    """Let tiktoken download and check the file, in a process of its own that can be given up."""
    with tempfile.TemporaryDirectory() as folder:
        code = f"from tiktoken.load import read_file_cached; read_file_cached({URL!r}, {SHA256!r})"
        environment = {**os.environ, "TIKTOKEN_CACHE_DIR": folder}
        _run([sys.executable, "-c", code], timeout, environment)
        return (Path(folder) / FILE_NAME).read_bytes()


def _from_package() -> bytes:
    """Download the package's source distribution, without installing it, and take the one file."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        _run([*command, "--dest", folder, FALLBACK_PACKAGE], timeout=300)
        for archive in Path(folder).glob("*.tar.gz"):
            with tarfile.open(archive) as files:
                for member in files:
                    wanted = member.isfile() and member.name.endswith("/" + FALLBACK_MEMBER)
                    if wanted and (file := files.extractfile(member)):
                        return file.read()
        raise LookupError(f"{FALLBACK_MEMBER} is not in it")


def _run(command: list[str], timeout: float, environment: dict[str, str] | None = None) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, env=environment)
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines() or ["no message"]
        raise OSError(lines[-1][:200])


@contextmanager
def _variable(name: str, value: str | None) -> Iterator[None]:
    """Give an environment variable another value, or none, for as long as the block lasts."""
    with _environment:
        before = os.environ.pop(name, None)
        if value is not None:
            os.environ[name] = value
        try:
            yield
        finally:
            os.environ.pop(name, None)
            if before is not None:
                os.environ[name] = before
