"""Voilà as `gpt2lab explore` runs it: only for addresses that name this computer.

Voilà takes requests under every host name, so a page of another site whose name is made to point here
would be answered. JupyterLab refuses those, by the same setting.
"""

from __future__ import annotations

from typing import Any

from voila.app import Voila


class PageServer(Voila):
    """Voilà for this computer."""

    def init_settings(self) -> dict[str, Any]:  # Any: tornado's settings
        return {**super().init_settings(), "allow_remote_access": False, "local_hostnames": ["localhost"]}


if __name__ == "__main__":
    PageServer.launch_instance()
