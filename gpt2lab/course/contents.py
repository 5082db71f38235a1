"""Notebooks as the course's JupyterLab reads them: without views of panels whose kernel is gone.

JupyterLab saves a panel as a reference to a model in the kernel. When the notebook is opened again
without that kernel, "Error displaying widget: model not found" takes the place of the picture that is
stored beside the reference. So references that lead nowhere are left out on reading; the file itself
stays as it is. While the kernel runs, its panels come back alive.
"""

from __future__ import annotations

from typing import Protocol, cast

from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager

from gpt2lab.course import copies

ANSWER_S = 2.0  # a kernel that is busy for longer keeps its views: they may well be alive


class _Client(Protocol):
    """Of jupyter_client's client, what is used here."""

    def start_channels(self) -> None: ...
    def stop_channels(self) -> None: ...
    async def comm_info(self, *, reply: bool, timeout: float) -> dict[str, dict[str, dict[str, object]]]: ...


class CourseContents(AsyncLargeFileManager):
    """Jupyter's file manager, which removes dead views when a notebook is read."""

    async def get(
        self,
        path: str,
        content: bool = True,
        type: str | None = None,
        format: str | None = None,
        require_hash: bool = False,
    ) -> dict[str, object]:
        """A model of the file; see Jupyter."""
        model: dict[str, object] = await super().get(path, content, type, format, require_hash)
        if content and model.get("type") == "notebook" and copies.views(notebook := model["content"]):
            alive = await self._alive(path)
            if alive is not None:
                copies.drop_dead_views(notebook, alive)
        return model

    async def _alive(self, path: str) -> set[str] | None:
        """Models in the kernels of a notebook; None if a kernel does not say."""
        found: set[str] = set()
        server = self.parent
        if server is None:  # not attached to a server: it knows of no kernels
            return None
        for session in await server.session_manager.list_sessions():
            if session["path"].strip("/") != path.strip("/") or session["type"] != "notebook":
                continue
            client = cast(_Client, server.kernel_manager.get_kernel(session["kernel"]["id"]).client())
            client.start_channels()
            try:
                reply = await client.comm_info(reply=True, timeout=ANSWER_S)
            except TimeoutError:
                return None
            finally:
                client.stop_channels()
            found |= set(reply["content"]["comms"])
        return found
