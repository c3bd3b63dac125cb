"""A credential of this installation, made once for the tests of its signatures."""

from datetime import UTC, datetime

import pytest

from gallery.provenance.authority import Credential, local_credential


@pytest.fixture(scope="session")
def credential(tmp_path_factory: pytest.TempPathFactory) -> Credential:
    return local_credential(tmp_path_factory.mktemp("authority"), datetime.now(UTC))
