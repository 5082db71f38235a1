"""What every test gets: no network but this computer's own."""

import os
import socket

import pytest

os.environ["HF_HUB_OFFLINE"] = "1"  # before anything imports huggingface_hub


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    """A test that reaches for another computer fails here, not on the learner's train."""
    connect = socket.socket.connect

    def connect_here_only(self, address):
        if isinstance(address, tuple) and address[0] not in ("localhost", "127.0.0.1", "::1"):
            raise OSError(f"a test tried to reach {address[0]}: nothing may need the network after set-up")
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", connect_here_only)
