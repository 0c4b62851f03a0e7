from pathlib import Path

import pytest

from proxy.resources import resource_dir, resource_path


def test_the_folders_of_a_checkout_are_found():
    top = Path(__file__).parent.parent
    assert resource_dir("schemas") == top / "schemas"
    assert resource_path("config.yaml") == top / "config.yaml"


def test_a_missing_resource_names_both_places():
    with pytest.raises(FileNotFoundError, match=r"\[nothing\] is neither in .*_resources nor in "):
        resource_path("nothing")


def test_a_file_is_not_taken_for_a_folder():
    with pytest.raises(NotADirectoryError, match=r"config\.yaml"):
        resource_dir("config.yaml")
