"""Validation of recorded requests against a vendor's published OpenAPI document."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from openapi_schema_validator import OAS31Validator


class Specification:
    """An OpenAPI 3.1 document: the ``Rules`` of a scripted upstream."""

    def __init__(self, path: Path) -> None:
        self._document: dict[str, Any] = yaml.safe_load(path.read_text())
        self._validators: dict[tuple[str, str], OAS31Validator] = {}

    @classmethod
    def beside(cls, path: Path) -> "Specification | None":
        """Read a document that need not stand beside this checkout; None where it does not."""
        return cls(path) if path.exists() else None

    def amend(self, amendments: Mapping[tuple[str, str], Mapping[str, object]]) -> None:
        """Replace properties of component schemas, as a newer SDK has them."""
        for (schema, name), replacement in amendments.items():
            self._document["components"]["schemas"][schema]["properties"][name] = replacement

    def violations(self, path: str, content_type: str, body: object) -> list[str]:
        """Return how ``body``, parsed, breaks the schema of POST ``path`` (as the document writes it); [] if not at all.

        Files of a form stand in ``body`` as any text.
        """
        validator = self._validators.get((path, content_type))
        if validator is None:
            validator = self._validators[path, content_type] = self._validator(path, content_type)
        return [f"POST {path} {error.json_path}: {error.message[:300]}" for error in validator.iter_errors(body)]

    def _validator(self, path: str, content_type: str) -> OAS31Validator:
        content = self._document["paths"][path]["post"]["requestBody"]["content"]
        return OAS31Validator({**content[content_type]["schema"], "components": self._document["components"]})
