"""What tests/conftest.py and pyproject.toml promise of every test."""

import ast
import socket
from pathlib import Path

import pytest
import torch
from pytest_socket import SocketConnectBlockedError


def test_another_computer_is_out_of_reach():
    with pytest.raises(SocketConnectBlockedError), socket.socket() as here:
        here.settimeout(1)
        here.connect(("192.0.2.1", 9))  # an address reserved for documentation: nobody has it


def test_this_computer_is_in_reach():
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as here:
        here.connect(server.getsockname())


def test_arithmetic_has_one_thread():
    assert torch.get_num_threads() == 1


TESTS = Path(__file__).parent
CLOCKS = {"process_time", "perf_counter", "thread_time", "process_time_ns", "perf_counter_ns", "default_timer"}


def clocks(source: str) -> set[str]:
    """The clocks that a piece of Python reads."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        names = [node.attr] if isinstance(node, ast.Attribute) else []
        names += [node.id] if isinstance(node, ast.Name) else []
        names += [alias.name for alias in node.names] if isinstance(node, ast.ImportFrom) else []
        found |= CLOCKS.intersection(names)
    return found


@pytest.mark.parametrize("source", ["import time\ntime.process_time()", "from time import perf_counter as now\nnow()"])
def test_a_clock_is_found(source):
    assert clocks(source)


def test_no_test_measures_how_long_something_takes():
    """A busy machine would fail it; benchmarks/ measures. (A deadline for what may hang is no measurement.)"""
    timed = {path.name: clocks(path.read_text(encoding="utf-8")) for path in sorted(TESTS.rglob("*.py"))}
    assert {name: found for name, found in timed.items() if found} == {}
