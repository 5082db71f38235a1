"""The learner's own copies of the chapters, in the folder work/.

It lies in the course's folder. Where the course is shared, read-only, it lies in a folder of the learner's own:
``GPT2LAB_HOME``, or gpt2lab/ in the home folder. Two rules: what is missing is copied, and what exists is never
overwritten. Only :func:`reset` replaces a chapter, after a backup.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
from datetime import datetime
from pathlib import Path

from gpt2lab import local_server
from gpt2lab.course.copies import learner_copy
from gpt2lab.errors import InputError
from gpt2lab.files import atomic_write
from gpt2lab.files.records import HOME

ORIGINALS = ".originals.json"  # in work/: the sha256 each copy had when it was made
# Chapters of the first edition that have another name now. A learner's copies of them stay in work/.
FIRST_EDITION = {
    "04_masking": "05_masking",
    "05_positions": "06_positions",
    "06_feedforward": "07_feedforward",
    "07_gpt2": "08_gpt2",
    "08_training": "09_training",
    "09_generation": "10_generation",
}
LIST = "README.md"  # of chapters/: the list of chapters
# Of chapters/: what gives the answers away, and what is about the course rather than part of it.
LEFT_OUT = {"solutions", "COVERAGE.md", "__pycache__"}


def course_root() -> Path:
    """The folder of the course: the one that holds chapters/, work/ and the package.

    Raises
    ------
    ValueError
        If the package runs from somewhere else, such as a wheel without the course around it.
    """
    root = Path(__file__).resolve().parents[2]
    if not (root / "course.py").is_file():
        raise InputError(
            f"Expected the course's folder around the package, found {root} without a course.py. "
            "Clone the course and start it there with `python3 course.py`."
        )
    return root


def chapter_files(chapters: Path) -> list[Path]:
    """Every file a learner needs from chapters/, as paths relative to it, sorted."""
    files = (path.relative_to(chapters) for path in sorted(chapters.rglob("*")) if path.is_file())
    return [file for file in files if not any(part in LEFT_OUT or part[0] == "." for part in file.parts)]


def home(root: Path) -> Path:
    """The folder that holds work/: ``GPT2LAB_HOME``, else the course's own, else ~/gpt2lab if that is read-only.

    Raises
    ------
    InputError
        If the course is read-only for this user, who has no home folder either.
    """
    if named := os.environ.get(HOME):
        return Path(named).expanduser().absolute()
    work = root / "work"
    if (os.path.lexists(work) and not work.is_dir()) or local_server.can_write(work):
        return root
    try:
        return Path.home() / "gpt2lab"
    except RuntimeError:
        raise InputError(
            f"Expected a folder for your copies of the chapters: {root} is read-only, and you have no home folder. "
            f"Set {HOME} to a folder that you may write."
        ) from None


def work_folder(root: Path) -> Path:
    """The folder work/, made if it does not exist.

    Raises
    ------
    InputError
        If something else has that name, such as a file or a link that leads nowhere.
    """
    work = home(root) / "work"
    if os.path.lexists(work) and not work.is_dir():
        what = "a link that leads nowhere" if work.is_symlink() and not work.exists() else "a file"
        raise InputError(f"Expected a folder {work}, found {what}. Rename it, then run this again.")
    try:
        work.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"Expected a folder that you may write, found {work.parent} ({error.strerror}). "
            f"Set {HOME} to one for your copies of the chapters."
        ) from None
    return work


def fill(root: Path) -> list[Path]:
    """Copy into work/ what is missing there; the list of chapters is renewed unless somebody changed it.

    Returns
    -------
    list of Path
        The files that were copied, relative to work/.
    """
    work = work_folder(root)
    files = chapter_files(root / "chapters")
    missing = [file for file in files if not (work / file).exists()]
    stale = [file for file in files if file.name == LIST and file not in missing and _is_untouched(root, file)]
    for file in (*missing, *stale):
        _copy(root, file)
    return missing


def _is_untouched(root: Path, file: Path) -> bool:
    """Whether a copy that is not a notebook is still as it was made, while the course has a newer one."""
    work = work_folder(root)
    made_from, copy = _originals(work).get(file.as_posix()), work / file
    return made_from == _digest(copy) != _digest(root / "chapters" / file)


def outdated(root: Path) -> list[Path]:
    """Notebooks of work/ whose original in chapters/ has changed since they were copied."""
    work = work_folder(root)
    made_from = _originals(work)
    return [
        file
        for file in chapter_files(root / "chapters")
        if file.suffix == ".ipynb" and (work / file).exists()
        if made_from.get(file.as_posix(), "") not in ("", _digest(root / "chapters" / file))
    ]


def from_first_edition(root: Path) -> list[Path]:
    """Notebooks of work/ that the course has under another name now, relative to work/."""
    names = [Path(f"{stem}.ipynb") for stem in FIRST_EDITION]
    work = work_folder(root)
    return [name for name in names if (work / name).exists() and not (root / "chapters" / name).exists()]


def find_chapter(root: Path, name: str) -> Path:
    """The chapter that a learner means by ``3``, ``03``, ``attention`` or ``03_attention.ipynb``."""
    notebooks = [file for file in chapter_files(root / "chapters") if file.suffix == ".ipynb"]
    wanted = Path(name).name.removesuffix(".ipynb")
    number = wanted.zfill(2) if wanted.isdigit() else None
    found = [file for file in notebooks if number and file.stem.startswith(number + "_")]
    found = found or [file for file in notebooks if file.stem == wanted]
    found = found or [file for file in notebooks if wanted and wanted in file.stem]
    if not found and wanted in FIRST_EDITION:
        raise InputError(
            f"{wanted} is from the first edition; now it is {FIRST_EDITION[wanted]}. A copy in work/ stays as it is."
        )
    if len(found) != 1:
        choice = ", ".join(file.stem for file in found or notebooks) or "none yet"
        raise InputError(f"Expected one chapter, got {name!r}, which fits {len(found)}. Choose: {choice}")
    return found[0]


def reset(root: Path, name: str) -> tuple[Path, Path | None]:
    """Put one chapter back as the course ships it.

    Returns
    -------
    chapter, backup : Path, Path or None
        The restored file and where the learner's version went, None if there was nothing to keep.
    """
    file = find_chapter(root, name)
    work = work_folder(root)
    copy, backup = work / file, None
    if copy.exists() and copy.read_bytes() != _shipped(root, file):
        stamp = datetime.now().strftime("%Y-%m-%d_%H-%M-%S-%f")
        backup = work / "backups" / f"{file.stem}.{stamp}{file.suffix}"
        backup.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(copy, backup)
    _copy(root, file)
    return copy, backup


def reset_command(arguments: list[str]) -> int:
    """`gpt2lab reset 03`"""
    parser = argparse.ArgumentParser("gpt2lab reset", description="Restore chapters, after a backup.")
    parser.add_argument("chapter", nargs="+", help="a number or a name, such as 03 or attention")
    root = course_root()
    for name in parser.parse_args(arguments).chapter:
        chapter, backup = reset(root, name)
        print(f"{chapter.relative_to(home(root))} is as the course ships it.")
        if backup:
            print(f"Your version is kept as {backup.relative_to(home(root))}")
    return 0


def _copy(root: Path, file: Path) -> None:
    """Copy one file and note what it was made from. An interruption leaves no half-written copy."""
    work = work_folder(root)
    source, target = root / "chapters" / file, work / file
    with atomic_write(target) as part:
        part.write_bytes(_shipped(root, file))
    made_from = {**_originals(work), file.as_posix(): _digest(source)}
    with atomic_write(work / ORIGINALS) as part:
        part.write_text(json.dumps(made_from, indent=1, sort_keys=True))


def _shipped(root: Path, file: Path) -> bytes:
    """What a learner gets of a file of chapters/: notebooks come without results, so that none is told early."""
    original = (root / "chapters" / file).read_bytes()
    return learner_copy(original) if file.suffix == ".ipynb" else original


def _originals(work: Path) -> dict[str, str]:
    """What each copy was made from; never noted, or damaged: then nothing is known, which is harmless."""
    try:
        noted: object = json.loads((work / ORIGINALS).read_text())
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(noted, dict):
        return {}
    return {name: digest for name, digest in noted.items() if isinstance(digest, str)}


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
