import tempfile
from pathlib import Path

import pytest


@pytest.fixture
def folder():
    """A folder that every account may enter, as pytest's own are not."""
    with tempfile.TemporaryDirectory() as made:
        Path(made).chmod(0o755)
        yield Path(made)
