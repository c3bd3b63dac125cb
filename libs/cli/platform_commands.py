"""`maintenance`, `keys rewrap` and `engines`: the operator's commands about the platform itself."""

import argparse
import json
import subprocess
import sys

from cli.errors import CommandFailed
from cli.operator import operator
from cli.output import Result
from cli.places import Place
from gesso.generator.v1 import generator_pb2 as pb


def maintenance(arguments: argparse.Namespace) -> Result:
    """Pause or resume purchases."""
    request = pb.SetMaintenanceRequest(paused=arguments.state == "on", retry_after_seconds=arguments.retry_after)
    answer = operator(Place.here()).call("gesso.generator.v1.Operations/SetMaintenance", request, pb.Maintenance)
    return {"maintenance": "on" if answer.paused else "off", "retry_after_seconds": answer.retry_after_seconds}


def rewrap_keys(_arguments: argparse.Namespace) -> Result:
    """Put every stored provider key under the first of GESSO_SECRETS_KEYS."""
    answer = operator(Place.here()).call(
        "gesso.generator.v1.Operations/RewrapProviderKeys",
        pb.RewrapProviderKeysRequest(),
        pb.RewrapProviderKeysResponse,
    )
    return {"rewrapped": answer.rewrapped, "current": answer.current}


def install_engines(arguments: argparse.Namespace) -> Result:
    """Install the art of the sketch engine; done already, it is fast."""
    child = subprocess.run(  # the engine belongs to the generator, which is never imported from outside
        [sys.executable, "-P", "-m", "generator.engines.art", "install", "--json"], check=False, stdout=subprocess.PIPE
    )
    if child.returncode != 0:
        raise CommandFailed("The engines could not be installed: see the message above.")
    found: Result = json.loads(child.stdout)
    return found
