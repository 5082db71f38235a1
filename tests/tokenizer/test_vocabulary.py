"""GPT-2's vocabulary: found without help, fetched from three places, never half written."""

import hashlib
import io
import os
import subprocess
import sys
import tarfile

import pytest

from gpt2lab.tokenizer import vocabulary

DATA = b"IQ== 0\nIg== 1\n"


@pytest.fixture
def empty(monkeypatch, tmp_path):
    """No vocabulary anywhere, and a small file in the role of the real one."""
    monkeypatch.setattr(vocabulary, "cache_dir", lambda: tmp_path / "user" / "tiktoken")
    monkeypatch.setattr(vocabulary, "shared_dir", lambda: tmp_path / "shared" / "tiktoken")
    monkeypatch.setattr(vocabulary, "SHA256", hashlib.sha256(DATA).hexdigest())
    for name in ("TIKTOKEN_CACHE_DIR", "DATA_GYM_CACHE_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(vocabulary.tempfile, "gettempdir", lambda: str(tmp_path / "temp"))
    monkeypatch.setattr(vocabulary, "_run", refuse)
    (tmp_path / "temp").mkdir()
    vocabulary.read_gpt2_encoding.cache_clear()
    yield tmp_path
    vocabulary.read_gpt2_encoding.cache_clear()


def refuse(command, timeout, environment=None):
    raise OSError("Network is unreachable")


def test_real_vocabulary_is_gpt2s():
    if not vocabulary.available() and not os.environ.get("CI"):
        pytest.skip("GPT-2's vocabulary is missing: gpt2lab doctor --fix")
    encoding = vocabulary.read_gpt2_encoding()
    assert encoding.name == "gpt2"
    assert encoding.n_vocab == 50257
    assert encoding.eot_token == 50256
    assert encoding.encode("I love AI") == [40, 1842, 9552]
    assert encoding is vocabulary.read_gpt2_encoding()


def test_reading_it_leaves_the_environment_as_it_was(monkeypatch):
    if not vocabulary.available():
        pytest.skip("GPT-2's vocabulary is missing: gpt2lab doctor --fix")
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", "/somewhere/else")
    vocabulary.read_gpt2_encoding.cache_clear()
    assert vocabulary.read_gpt2_encoding().n_vocab == 50257
    assert os.environ["TIKTOKEN_CACHE_DIR"] == "/somewhere/else"


def test_the_folder_depends_on_no_variable_of_the_terminal():
    ask = "from gpt2lab.tokenizer import vocabulary; print(vocabulary.cache_dir())"
    environment = {**os.environ, "TIKTOKEN_CACHE_DIR": "/elsewhere", "XDG_CACHE_HOME": "/elsewhere"}
    found = subprocess.run([sys.executable, "-c", ask], env=environment, capture_output=True, text=True)
    assert found.stdout.strip() == str(vocabulary.cache_dir())


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the folder on Linux")
def test_the_folder_stays_where_earlier_editions_put_it(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", "/elsewhere")
    assert vocabulary.cache_dir() == tmp_path / ".cache" / "gpt2lab" / "tiktoken"
    assert os.environ["XDG_CACHE_HOME"] == "/elsewhere"


def test_missing_says_what_to_do(empty):
    assert not vocabulary.available()
    with pytest.raises(vocabulary.VocabularyError, match=r"not in .*tiktoken.*python3 course.py"):
        vocabulary.read_gpt2_encoding()


def test_damaged_file_counts_as_missing(empty):
    vocabulary.cache_dir().mkdir(parents=True)
    vocabulary.cache_file().write_bytes(DATA[:-3])
    assert not vocabulary.available()
    with pytest.raises(vocabulary.VocabularyError):
        vocabulary.read_gpt2_encoding()


def test_users_of_one_environment_read_the_shared_copy(empty, monkeypatch):
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(empty / "old"))
    (empty / "old").mkdir()
    (empty / "old" / vocabulary.FILE_NAME).write_bytes(DATA)
    assert vocabulary.share() == vocabulary.shared_dir() / vocabulary.FILE_NAME
    vocabulary.cache_file().unlink()  # another user, who has none
    assert vocabulary.found_in() == vocabulary.shared_dir()
    assert vocabulary.ensure() == vocabulary.shared_dir() / vocabulary.FILE_NAME
    assert not vocabulary.cache_file().exists()
    (vocabulary.shared_dir() / vocabulary.FILE_NAME).write_bytes(DATA[1:])
    assert not vocabulary.available()


def test_takes_a_copy_that_tiktoken_has_made_before(empty, monkeypatch):
    (empty / "old").mkdir()
    (empty / "old" / vocabulary.FILE_NAME).write_bytes(DATA)
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(empty / "old"))
    lines = []
    assert vocabulary.ensure(report=lines.append).read_bytes() == DATA
    assert lines == ["GPT-2 vocabulary from tiktoken's own cache"]


def test_a_wrong_copy_is_refused_and_the_next_place_tried(empty, monkeypatch):
    (empty / "old").mkdir()
    (empty / "old" / vocabulary.FILE_NAME).write_bytes(b"something else")
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(empty / "old"))
    monkeypatch.setattr(vocabulary, "_from_tiktoken", lambda timeout: DATA)
    lines = []
    vocabulary.ensure(report=lines.append)
    assert lines == ["GPT-2 vocabulary from tiktoken's download"]
    assert vocabulary.available()


def test_a_folder_that_cannot_be_written_ends_the_search(empty, monkeypatch):
    (empty / "old").mkdir()
    (empty / "old" / vocabulary.FILE_NAME).write_bytes(DATA)
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(empty / "old"))
    monkeypatch.setattr(vocabulary, "_from_tiktoken", lambda timeout: pytest.fail("asked for another copy"))
    vocabulary.cache_file().parent.parent.mkdir(parents=True, exist_ok=True)
    vocabulary.cache_file().parent.touch()  # a file in the place of the folder
    with pytest.raises(vocabulary.VocabularyError, match="found, and not kept: "):
        vocabulary.ensure()


def test_takes_the_file_out_of_the_package(empty, monkeypatch):
    def run(command, timeout, environment=None):
        if "pip" not in command:
            raise OSError("host not reachable")
        assert command[-1] == "openai-whisper==20250625" and "--no-deps" in command
        folder = command[command.index("--dest") + 1]
        with tarfile.open(os.path.join(folder, "openai-whisper-20250625.tar.gz"), "w:gz") as archive:
            member = tarfile.TarInfo("openai-whisper-20250625/whisper/assets/gpt2.tiktoken")
            member.size = len(DATA)
            archive.addfile(member, io.BytesIO(DATA))

    monkeypatch.setattr(vocabulary, "_run", run)
    lines = []
    assert vocabulary.ensure(report=lines.append).read_bytes() == DATA
    assert "openai-whisper==20250625" in lines[0]


def test_package_without_the_file(empty, monkeypatch):
    monkeypatch.setattr(vocabulary, "_run", lambda *arguments, **more: None)
    with pytest.raises(LookupError, match="gpt2.tiktoken is not in it"):
        vocabulary._from_package()


def test_all_places_fail_with_every_reason(empty):
    with pytest.raises(vocabulary.VocabularyError) as error:
        vocabulary.ensure()
    for part in ("tiktoken's own cache", "tiktoken's download", "openai-whisper", "Network is unreachable"):
        assert part in str(error.value)
    assert not list((empty / "user").rglob("*")) if (empty / "user").exists() else True


def test_nothing_is_fetched_when_it_is_there(empty):
    vocabulary._store(DATA)
    assert vocabulary.ensure(report=pytest.fail) == vocabulary.cache_file()


def test_no_partial_file_is_left(empty):
    vocabulary._store(DATA)
    assert [path.name for path in vocabulary.cache_dir().iterdir()] == [vocabulary.FILE_NAME]


def test_a_silent_network_is_given_up(empty, monkeypatch):
    def hang(command, timeout, environment=None):
        raise subprocess.TimeoutExpired(command, timeout)

    monkeypatch.setattr(vocabulary, "_run", hang)
    with pytest.raises(vocabulary.VocabularyError, match="no answer within 0.1 s"):
        vocabulary.ensure(timeout=0.1)
