"""The run that nothing happens to, which is what a run is compared with that something happened to."""

from tests.runtime.conftest import undisturbed

__all__ = ["undisturbed"]
