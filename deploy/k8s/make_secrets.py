#!/usr/bin/env python3
"""Make the secrets of a new installation: one file for each that the example overlay names, and the roles' passwords for psql.

usage: .venv/bin/python deploy/k8s/make_secrets.py FOLDER --database HOST[:PORT][/NAME][?OPTIONS]

The folder must be new or empty, because a key that is replaced makes what it sealed unreadable. The files of what only the
operator has (the object store's keys, the vendors') are left empty, to be filled in.
"""

import argparse
import datetime
import hashlib
import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from gallery.provenance.authority import local_credential

CALLERS = ("billing", "gallery", "gateway", "generator", "operator", "webhooks")
WITH_DATABASE = ("billing", "gallery", "generator", "webhooks")


def key() -> str:
    """256 random bits in hex: the form of every key and token here."""
    return secrets.token_hex(32)


def environment_files(database: str) -> dict[str, dict[str, str]]:
    """Return the variables of each `NAME.env`; the passwords are in `passwords`."""
    tokens = {name: key() for name in CALLERS}
    passwords = {name: key() for name in WITH_DATABASE}
    urls = {name: f"postgresql://{name}:{passwords[name]}@{database}" for name in WITH_DATABASE}
    digests = (f"{name}:{hashlib.sha256(token.encode()).hexdigest()}" for name, token in tokens.items())
    return {
        "peers": {"GESSO_PEERS": ",".join(digests)},
        "billing": {"GESSO_BILLING_TOKEN": tokens["billing"], "GESSO_BILLING_DATABASE_URL": urls["billing"]},
        "gallery": {"GESSO_GALLERY_DATABASE_URL": urls["gallery"]},
        "gateway": {"GESSO_GATEWAY_TOKEN": tokens["gateway"], "GESSO_ADMIN_TOKEN": tokens["operator"]},
        "generator": {
            "GESSO_GENERATOR_TOKEN": tokens["generator"],
            "GESSO_GENERATOR_DATABASE_URL": urls["generator"],
            "GESSO_SEALING_KEY": key(),
            "GESSO_SECRETS_KEYS": f"first:{key()}",
        },
        "webhooks": {"GESSO_WEBHOOKS_DATABASE_URL": urls["webhooks"], "GESSO_WEBHOOKS_SECRET_KEY": key()},
        "caller-token-key": {"GESSO_CALLER_TOKEN_KEY": key()},
        "link-key": {"GESSO_LINK_KEY": key()},
        "object-store": {},
        "providers": {},
        "passwords": passwords,
    }


def write(folder: Path, files: Mapping[str, Mapping[str, str]]) -> None:
    """Write everything for the owner's eyes only."""
    for name, variables in files.items():
        if name == "passwords":
            lines = "".join(f"\\set {service}_password {value}\n" for service, value in variables.items())
            private(folder / "passwords.psql", lines.encode())
        else:
            lines = "".join(f"{variable}={value}\n" for variable, value in variables.items())
            private(folder / f"{name}.env", lines.encode())
    with tempfile.TemporaryDirectory() as authority:
        local_credential(Path(authority), datetime.datetime.now(datetime.UTC))
        private(folder / "root.pem", (Path(authority) / "root.pem").read_bytes())
        shutil.copyfile(Path(authority) / "anchors.pem", folder / "anchors.pem")


def private(path: Path, contents: bytes) -> None:
    """Write one file that nobody else may read."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(contents)


def main() -> None:
    """Read the command line and write the folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--database", required=True, metavar="HOST", help="db.example.com:5432/gesso?sslmode=require")
    chosen = parser.parse_args()
    chosen.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if any(chosen.folder.iterdir()):
        sys.exit(f"{chosen.folder} is not empty: keys are made once")
    write(chosen.folder, environment_files(chosen.database))


if __name__ == "__main__":
    main()
