"""What tests/conftest.py and pyproject.toml promise of every test."""

import socket

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
