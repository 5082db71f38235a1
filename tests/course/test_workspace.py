"""The learner's copies: what is missing is copied, what exists is never overwritten."""

from pathlib import Path

import pytest

from gpt2lab.course import workspace
from gpt2lab.errors import InputError
from gpt2lab.files.records import HOME


@pytest.fixture
def root(tmp_path):
    """A course with three chapters, a data file, and things that are not for work/."""
    for name in (
        "00_map.ipynb",
        "03_attention.ipynb",
        "04_masked_attention.ipynb",
        "data/words.txt",
        "solutions/03_attention.py",
        "COVERAGE.md",
        ".ipynb_checkpoints/00_map-checkpoint.ipynb",
    ):
        path = tmp_path / "chapters" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"shipped {name}")
    return tmp_path


def test_missing_files_are_copied(root):
    names = ["00_map.ipynb", "03_attention.ipynb", "04_masked_attention.ipynb", "data/words.txt"]
    assert [file.as_posix() for file in workspace.fill(root)] == names
    assert (root / "work/data/words.txt").read_text() == "shipped data/words.txt"
    assert not (root / "work/solutions").exists()
    assert workspace.fill(root) == []


@pytest.fixture
def shared(root, monkeypatch):
    """The course as a learner finds it who may only read it. (Root may write everything: asked for, not tried.)"""
    monkeypatch.delenv(HOME, raising=False)
    monkeypatch.setattr(workspace.local_server, "can_write", lambda folder: not folder.is_relative_to(root))
    return root


def test_copies_of_a_shared_course_lie_in_the_home_folder(shared, monkeypatch, tmp_path_factory):
    mine = tmp_path_factory.mktemp("home")
    monkeypatch.setattr(Path, "home", lambda: mine)
    assert len(workspace.fill(shared)) == 4
    assert (mine / "gpt2lab/work/00_map.ipynb").exists() and not (shared / "work").exists()
    (mine / "gpt2lab/work/00_map.ipynb").write_text("changed")
    chapter, backup = workspace.reset(shared, "map")
    assert chapter.is_relative_to(mine) and backup is not None and backup.read_text() == "changed"
    assert workspace.outdated(shared) == [] and workspace.from_first_edition(shared) == []


def test_a_variable_names_the_folder_of_the_copies(root, monkeypatch, tmp_path_factory):
    mine = tmp_path_factory.mktemp("mine") / "not yet" / "there"
    monkeypatch.setenv(HOME, str(mine))
    workspace.fill(root)
    assert (mine / "work/03_attention.ipynb").exists() and not (root / "work").exists()


def test_nowhere_to_put_the_copies_is_one_sentence(shared, monkeypatch, tmp_path_factory):
    def nobody():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", nobody)
    with pytest.raises(InputError, match=f"read-only, and you have no home folder. Set {HOME}"):
        workspace.home(shared)
    taken = tmp_path_factory.mktemp("taken") / "file"
    taken.touch()
    monkeypatch.setenv(HOME, str(taken))
    with pytest.raises(InputError, match=f"{taken}.*Set {HOME}"):
        workspace.fill(shared)


def test_what_exists_is_never_overwritten(root):
    (root / "work").mkdir()
    (root / "work/00_map.ipynb").write_text("mine")
    workspace.fill(root)
    (root / "chapters/00_map.ipynb").write_text("a new edition")
    workspace.fill(root)
    assert (root / "work/00_map.ipynb").read_text() == "mine"


def test_an_interrupted_copy_leaves_no_half_file(root, monkeypatch):
    def stop(path, data):
        path.write_text("ship")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", stop)
        with pytest.raises(KeyboardInterrupt):
            workspace.fill(root)
    assert not (root / "work/00_map.ipynb").exists()
    assert len(workspace.fill(root)) == 4


def test_newer_chapters_are_named(root):
    workspace.fill(root)
    (root / "work/00_map.ipynb").write_text("mine")
    assert workspace.outdated(root) == []
    (root / "chapters/00_map.ipynb").write_text("a new edition")
    assert [file.name for file in workspace.outdated(root)] == ["00_map.ipynb"]
    workspace.reset(root, "0")
    assert workspace.outdated(root) == []


@pytest.mark.parametrize("name", ["3", "03", "03_attention", "03_attention.ipynb", "work/03_attention.ipynb"])
def test_find_chapter(root, name):
    assert workspace.find_chapter(root, name) == Path("03_attention.ipynb")


def test_find_chapter_by_a_word(root):
    assert workspace.find_chapter(root, "masked") == Path("04_masked_attention.ipynb")


@pytest.mark.parametrize(
    ("name", "message"),
    [("attention", "fits 2. Choose: 03_attention, 04_masked_attention"), ("7", "fits 0. Choose: 00_map")],
)
def test_find_chapter_says_what_there_is(root, name, message):
    with pytest.raises(ValueError, match=message):
        workspace.find_chapter(root, name)


def test_reset_keeps_the_learners_version(root):
    workspace.fill(root)
    (root / "work/03_attention.ipynb").write_text("mine")
    chapter, backup = workspace.reset(root, "03")
    assert chapter.read_text() == "shipped 03_attention.ipynb"
    assert backup.read_text() == "mine"
    chapter.write_text("mine again")
    _, second = workspace.reset(root, "03")
    assert second != backup and backup.read_text() == "mine"


def test_reset_without_changes_makes_no_backup(root):
    workspace.fill(root)
    assert workspace.reset(root, "03")[1] is None
    (root / "work/03_attention.ipynb").unlink()
    assert workspace.reset(root, "03")[1] is None
    assert (root / "work/03_attention.ipynb").exists()


def test_reset_command(root, monkeypatch, capsys):
    monkeypatch.setattr(workspace, "course_root", lambda: root)
    workspace.fill(root)
    (root / "work/03_attention.ipynb").write_text("mine")
    assert workspace.reset_command(["3", "0"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[0] == "work/03_attention.ipynb is as the course ships it."
    assert shown[1].startswith("Your version is kept as work/backups/03_attention.2")
    assert len(shown) == 3


@pytest.mark.parametrize("damaged", ["{", "[]", "null", "3", '{"00_map.ipynb": 3}', "[" * 100_000])
def test_a_damaged_record_of_originals_does_no_harm(root, damaged):
    workspace.fill(root)
    (root / "work" / workspace.ORIGINALS).write_text(damaged)
    assert workspace.outdated(root) == []
    workspace.reset(root, "3")


def test_a_package_without_its_course(monkeypatch, tmp_path):
    monkeypatch.setattr(workspace, "__file__", str(tmp_path / "gpt2lab" / "course" / "workspace.py"))
    with pytest.raises(ValueError, match="Clone the course"):
        workspace.course_root()


@pytest.mark.parametrize("what", ["a file", "a link that leads nowhere"])
def test_something_else_named_work_is_one_sentence(root, what):
    if what == "a file":
        (root / "work").touch()
    else:
        (root / "work").symlink_to(root / "nowhere")
    for act in (workspace.fill, lambda root: workspace.reset(root, "3")):
        with pytest.raises(InputError, match=f"Expected a folder .*work, found {what}"):
            act(root)


def test_work_may_be_a_link_to_a_folder(root, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (root / "work").symlink_to(tmp_path / "elsewhere")
    assert workspace.fill(root)


@pytest.fixture
def second_edition(tmp_path):
    """Chapters with the names of today, and a learner's work/ from the first edition."""
    for name in ("chapters/primer", "chapters/00_map", "chapters/04_heads", "chapters/05_masking", "work/04_masking"):
        path = tmp_path / f"{name}.ipynb"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"{name}")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("0", "00_map"),
        ("5", "05_masking"),
        ("4", "04_heads"),
        ("primer", "primer"),
        ("primer.ipynb", "primer"),
        ("masking", "05_masking"),
    ],
)
def test_the_names_of_today_are_found(second_edition, name, stem):
    assert workspace.find_chapter(second_edition, name) == Path(f"{stem}.ipynb")


def test_the_primer_is_reset_by_its_name(second_edition):
    workspace.fill(second_edition)
    (second_edition / "work/primer.ipynb").write_text("mine")
    chapter, backup = workspace.reset(second_edition, "primer")
    assert chapter.read_text() == "chapters/primer" and backup.read_text() == "mine"


def test_copies_of_the_first_edition_stay_and_are_named(second_edition):
    copied = workspace.fill(second_edition)
    assert [file.stem for file in copied] == ["00_map", "04_heads", "05_masking", "primer"]
    assert (second_edition / "work/04_masking.ipynb").read_text() == "work/04_masking"
    assert workspace.from_first_edition(second_edition) == [Path("04_masking.ipynb")]
    (second_edition / "work/04_masking.ipynb").unlink()
    assert workspace.from_first_edition(second_edition) == []


def test_an_old_name_leads_to_the_new_one(second_edition):
    for act in (workspace.find_chapter, workspace.reset):
        with pytest.raises(InputError, match="04_masking is from the first edition; now it is 05_masking"):
            act(second_edition, "04_masking")
    assert (second_edition / "work/04_masking.ipynb").read_text() == "work/04_masking"


def test_the_list_of_chapters_is_renewed_unless_somebody_changed_it(root):
    shipped, copy = root / "chapters" / workspace.LIST, root / "work" / workspace.LIST
    shipped.write_text("two chapters")
    workspace.fill(root)
    shipped.write_text("three chapters")
    assert workspace.fill(root) == [] and copy.read_text() == "three chapters"
    copy.write_text("mine")
    shipped.write_text("four chapters")
    workspace.fill(root)
    assert copy.read_text() == "mine"
