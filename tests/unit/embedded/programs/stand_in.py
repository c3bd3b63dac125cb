"""Serve what a service would: 200 on its port, a socket for gRPC, and for the tests its own environment at /environment."""

import json
import os
import signal
import socket
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import NoReturn


class Answers(BaseHTTPRequestHandler):
    """Answers every GET."""

    def do_GET(self) -> None:
        """Answer by the environment, whatever the path."""
        body = json.dumps(dict(os.environ)).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def stop(*_: object) -> NoReturn:
    """End in order."""
    sys.exit(0)


def serve(name: str) -> None:
    """Run as the service `name` until SIGTERM."""
    signal.signal(signal.SIGTERM, stop)
    listen = os.environ[f"GESSO_{name.upper()}_METRICS_LISTEN"]
    if name == "gateway":
        listen = f"{os.environ['GESSO_HOST']}:{os.environ['GESSO_PORT']}"
    else:
        path = os.environ[f"GESSO_{name.upper()}_LISTEN"].removeprefix("unix:")
        Path(path).unlink(missing_ok=True)
        called = socket.socket(socket.AF_UNIX)
        called.bind(path)
        called.listen()
    host, _, port = listen.rpartition(":")
    HTTPServer((host, int(port)), Answers).serve_forever()
