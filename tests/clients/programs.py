"""Builds the programs of the typed clients, once for each version and source, in folders `target` beside them."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
FETCH_TIMEOUT_S = 300
BUILD_TIMEOUT_S = 600
# Where Go's own installer puts it, which few add to their PATH.
GO_HOMES = "/usr/local/go/bin"


def java_program(version: str) -> list[str]:
    """The command without its argument; skips the test where there is no Java compiler, no Maven or no library."""
    for tool in ("java", "javac", "mvn"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
    source, built = HERE / "java", HERE / "java" / "target" / version
    libraries, classes = built / "libraries", built / "classes"
    if not libraries.exists():
        fetched = built / "fetched"
        options = [f"-Dclient.version={version}", f"-DoutputDirectory={fetched}"]
        carried_out(["mvn", "-q", "-B", "dependency:copy-dependencies", *options], source, FETCH_TIMEOUT_S)
        fetched.rename(libraries)
    sources = [source / "Judge.java", source / version.partition(".")[0] / "Version.java"]
    if is_older(classes / "Judge.class", sources):
        compiled = ["javac", "-proc:none", "-nowarn", "-cp", f"{libraries}/*", "-d", str(classes), *map(str, sources)]
        subprocess.run(compiled, check=True, capture_output=True, timeout=BUILD_TIMEOUT_S)
    options = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xshare:auto"]
    return ["java", *options, "-cp", f"{classes}{os.pathsep}{libraries}/*", "Judge"]


def go_program() -> list[str]:
    """The command without its argument; skips the test where there is no Go or a module cannot be fetched."""
    go = shutil.which("go") or shutil.which("go", path=GO_HOMES)
    if go is None:
        pytest.skip("go is not installed")
    source, program = HERE / "go", HERE / "go" / "target" / "judge"
    if is_older(program, [*source.glob("*.go"), source / "go.mod"]):
        carried_out([go, "mod", "download"], source, FETCH_TIMEOUT_S)
        built = [go, "build", "-o", str(program), "."]
        subprocess.run(built, cwd=source, check=True, capture_output=True, timeout=BUILD_TIMEOUT_S)
    return [str(program)]


def is_older(made: Path, sources: list[Path]) -> bool:
    return not made.exists() or made.stat().st_mtime < max(source.stat().st_mtime for source in sources)


def carried_out(command: list[str], folder: Path, timeout_s: float) -> None:
    """Skips the test where what is needed cannot be fetched."""
    tool = Path(command[0]).name
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=timeout_s)
    except subprocess.TimeoutExpired:
        pytest.skip(f"{tool} did not fetch the client in time")
    if done.returncode:
        pytest.skip(f"{tool} could not fetch the client: {(done.stdout + done.stderr)[-300:]}")
