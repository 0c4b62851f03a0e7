"""Where the JSON and YAML that ship with the code are found: schemas, mappings, config.yaml.

In a checkout they stand at the top level, where people read them; a wheel carries them
inside the package (pyproject.toml puts them there). Nothing else knows of the difference.
"""

from pathlib import Path

PACKAGE_DIR = Path(__file__).resolve().parent
PACKAGED_DIR = PACKAGE_DIR / "_resources"


def resource_path(name: str) -> Path:
    """The file or folder `name` of the top level; raises FileNotFoundError naming both places."""
    places = (PACKAGED_DIR / name, PACKAGE_DIR.parent / name)
    for place in places:
        if place.exists():
            return place
    tried = " nor in ".join(str(place.parent) for place in places)
    raise FileNotFoundError(f"[{name}] is neither in {tried}, please reinstall lanewatch")


def resource_dir(name: str) -> Path:
    """The folder `name` (schemas, mappings); raises NotADirectoryError where it is a file."""
    folder = resource_path(name)
    if not folder.is_dir():
        raise NotADirectoryError(f"[{folder}] is not a folder")
    return folder
