"""What a user installs: the wheel must work where there is no checkout."""

import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

TOP = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, TOP]
    subprocess.run(command, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Path:
    """A virtual environment elsewhere with our wheel in it; what the wheel depends on is borrowed from this one."""
    venv = tmp_path_factory.mktemp("elsewhere") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    packages = venv / "lib" / f"python{sysconfig.get_python_version()}" / "site-packages"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", venv / "bin" / "python"]
    subprocess.run([*pip, "install", "--quiet", "--no-deps", "--no-index", wheel], check=True, capture_output=True)
    (packages / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return venv


def run(venv: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "LANEWATCH"))}
    return subprocess.run(
        [venv / "bin" / arguments[0], *arguments[1:]],
        cwd=venv,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_wheel_carries_every_schema_and_mapping_and_the_settings(wheel):
    with zipfile.ZipFile(wheel) as bundle:
        carried = {name.removeprefix("proxy/_resources/") for name in bundle.namelist() if "/_resources/" in name}
    shipped = {
        path.relative_to(TOP).as_posix()
        for kind in ("schemas", "mappings")
        for path in (TOP / kind).rglob("*")
        if path.is_file()
    }
    assert carried == shipped | {"config.yaml"}


def test_the_wheel_carries_every_file_of_the_page(wheel):
    with zipfile.ZipFile(wheel) as bundle:
        carried = {name for name in bundle.namelist() if name.startswith("proxy/ui/")}
    wanted = (".html", ".css", ".js", ".svg", ".LICENSE")
    assert carried >= {
        path.relative_to(TOP).as_posix() for path in (TOP / "proxy/ui").rglob("*") if path.name.endswith(wanted)
    }


def test_the_wheel_carries_every_scenario(wheel):
    with zipfile.ZipFile(wheel) as bundle:
        carried = {name for name in bundle.namelist() if name.endswith(".yaml") and "/scenarios/" in name}
    assert carried == {path.relative_to(TOP).as_posix() for path in (TOP / "proxy/contract_kit").rglob("*.yaml")}


def test_an_installed_wheel_serves_the_page_without_node(installed):
    program = "from proxy.api.page import Page; print(sorted(Page('/_ml_ui')._files)[:3])"
    found = run(installed, "python", "-c", program)
    assert found.returncode == 0, found.stderr
    assert "api.js" in found.stdout


def test_the_wheel_carries_no_tests(wheel):
    with zipfile.ZipFile(wheel) as bundle:
        tops = {name.partition("/")[0] for name in bundle.namelist()}
    assert {name for name in tops if not name.endswith(".dist-info")} == {"proxy"}


def test_an_installed_wheel_finds_what_it_carries_and_not_the_checkout(installed):
    program = (
        "from proxy.resources import resource_dir, resource_path\n"
        "print(resource_dir('schemas'), resource_dir('mappings'), resource_path('config.yaml'))"
    )
    found = run(installed, "python", "-c", program)
    assert found.returncode == 0, found.stderr
    assert all(Path(place).is_relative_to(installed) for place in found.stdout.split())


def test_an_installed_wheel_runs_its_command(installed):
    checked = run(installed, "lanewatch", "check-config")
    assert checked.returncode == 0, checked.stderr
    assert "  port: 9280\n" in checked.stdout
    listed = run(installed, "lanewatch", "routes")
    assert listed.returncode == 0, listed.stderr
    assert "ml.get_overall_buckets" in listed.stdout
    assert "web-rare-urls" in run(installed, "lanewatch", "import", "--list").stdout
