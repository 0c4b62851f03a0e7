"""An Elasticsearch that can make API keys: the tests' build with the analysis of e-mail addresses added.

The index in which a cluster keeps API keys has an analyzer for e-mail addresses. Its parts come with the complete
distribution's module ``analysis-common``, which no Maven repository has; Lucene's, which the build has, do as well.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from proxy.cluster.build import Build

SOURCE = Path(__file__).with_name("EmailAnalysis.java")
DESCRIPTOR = """\
name=email-analysis
description=the analysis of e-mail addresses, for tests
version=1
elasticsearch.version={version}
java.version=17
classname=lanewatch.tests.EmailAnalysis
"""


@contextmanager
def with_email_analysis(build: Build) -> Iterator[Path | None]:
    """The home of such a build, for as long as the context lasts; None where there is no Java compiler."""
    if shutil.which("javac") is None or shutil.which("jar") is None:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="email-analysis-") as scratch:
        home, classes = Path(scratch) / "home", Path(scratch) / "classes"
        home.mkdir()
        for part in build.home.iterdir():
            if part.name != "modules":
                (home / part.name).symlink_to(part)
        shutil.copytree(build.home / "modules", home / "modules")
        compiled = ["javac", "-proc:none", "-cp", f"{build.home / 'lib'}/*", "-d", str(classes), str(SOURCE)]
        subprocess.run(compiled, check=True)
        module = home / "modules" / "email-analysis"
        module.mkdir()
        subprocess.run(["jar", "cf", str(module / "email-analysis.jar"), "-C", str(classes), "."], check=True)
        (module / "plugin-descriptor.properties").write_text(DESCRIPTOR.format(version=build.version))
        # The account that runs the build must read it, and root's umask may be anything.
        for path in (Path(scratch), *Path(scratch).rglob("*")):
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | (0o755 if path.is_dir() else 0o644))
        yield home
