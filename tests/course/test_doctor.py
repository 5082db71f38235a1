"""The doctor: a line each, advice where it is needed, and never a traceback."""

import importlib.metadata
from types import SimpleNamespace

import pytest

from gpt2lab.course import doctor
from gpt2lab.course.doctor import Finding
from gpt2lab.tokenizer import vocabulary


def test_a_line_for_each(capsys):
    doctor.doctor_command([])
    lines = capsys.readouterr().out.splitlines()
    names = ["Python", "packages", "kernel", "vocabulary", "home", "GPU", "disk", "Chromium"]
    assert [line.split()[1] for line in lines] == names
    assert all(line.split()[0] in ("ok", "note", "fault") for line in lines)


def test_what_is_amiss_comes_with_advice(monkeypatch):
    monkeypatch.setattr(doctor.shutil, "which", lambda name: None)
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path: SimpleNamespace(free=2e8))
    monkeypatch.setattr(doctor.sys, "version_info", (3, 10, 4))
    monkeypatch.setattr(vocabulary, "found_in", lambda: None)
    assert doctor.check_browser().state == "note" and "apt install chromium" in doctor.check_browser().advice
    assert doctor.check_disk() == Finding("fault", "0.2 GB free", "make at least 1 GB of room")
    assert doctor.check_python().state == "fault" and "3.11 to 3.13" in doctor.check_python().advice
    assert "doctor --fix" in doctor.check_vocabulary().advice


def test_missing_package(monkeypatch):
    real = importlib.metadata.version

    def version(name):
        if name == "tqdm":
            raise importlib.metadata.PackageNotFoundError(name)
        return real(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    assert doctor.check_packages() == Finding("fault", "missing: tqdm", "python3 course.py")


def test_other_version(monkeypatch):
    real = importlib.metadata.version
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "0.1" if name == "tqdm" else real(name))
    found = doctor.check_packages()
    assert found.state == "note" and "not the tested version: tqdm 0.1" in found.text


@pytest.mark.parametrize(("argv", "state"), [("python", "ok"), ("/usr/bin/other", "note")])
def test_kernel(monkeypatch, argv, state):
    monkeypatch.setattr(
        "jupyter_client.kernelspec.KernelSpecManager.get_kernel_spec",
        lambda self, name: SimpleNamespace(argv=[argv]),
    )
    assert doctor.check_kernel().state == state


def test_gpu_that_torch_cannot_use(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr(doctor.shutil, "which", lambda name: "/usr/bin/nvidia-smi")
    assert doctor.check_gpu().state == "note"


def test_exit_code_is_1_only_for_a_fault(monkeypatch, capsys):
    monkeypatch.setattr(doctor, "CHECKS", {"a": lambda: Finding("note", "x", "y")})
    assert doctor.doctor_command([]) == 0
    assert capsys.readouterr().out == "note  a           x → y\n"
    monkeypatch.setattr(doctor, "CHECKS", {"a": lambda: Finding("fault", "x")})
    assert doctor.doctor_command([]) == 1


def test_a_check_that_breaks_is_a_finding(monkeypatch, capsys):
    monkeypatch.setattr(doctor, "CHECKS", {"a": lambda: 1 / 0, "b": lambda: Finding("ok", "fine")})
    assert doctor.doctor_command([]) == 1
    assert "ZeroDivisionError" in capsys.readouterr().out


def test_fix_fetches_the_vocabulary(monkeypatch):
    asked = []
    monkeypatch.setattr(vocabulary, "found_in", lambda: None)
    monkeypatch.setattr(vocabulary, "ensure", lambda report: asked.append(report))
    monkeypatch.setattr(doctor, "CHECKS", {})
    doctor.doctor_command(["--fix"])
    assert len(asked) == 1


def test_a_package_that_was_not_installed_to_its_end(monkeypatch, tmp_path):
    info = tmp_path / "half-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Name: half")
    monkeypatch.setattr(doctor.sysconfig, "get_path", lambda name: str(tmp_path))
    found = doctor.check_packages()
    assert found.state == "fault" and found.text == "not completely installed: half" and "course.py" in found.advice


def test_a_home_that_cannot_be_written(monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("HOME", str(tmp_path / "file"))
    for name in ("JUPYTER_RUNTIME_DIR", "JUPYTER_DATA_DIR", "IPYTHONDIR", "MPLCONFIGDIR", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    found = doctor.check_home()
    assert found.state == "note" and "runtime, data, ipython" in found.text and "work/.jupyter" in found.advice
