"""What the tests share: a real cluster, started once unless somebody names theirs, and the proxy before it.

`pytest --elasticsearch-host H --elasticsearch-port P` runs the suite on somebody's own cluster,
on which indices named .ml-* and lanewatch-* are deleted.
"""

import asyncio
import base64
import gc
import hashlib
import itertools
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
import uvloop
from elasticsearch import Elasticsearch
from hypothesis import settings
from pytest_elasticsearch.executor import NoopElasticsearch

from proxy.cluster.build import find_build
from proxy.cluster.folders import Additions
from proxy.cluster.node import start_node
from proxy.config import Config
from proxy.config_loading import load_config
from tests.answer_check import CheckedNode
from tests.email_analysis.build import with_email_analysis
from tests.http_client import HttpClient

pytest_plugins = ("aiohttp.pytest_plugin", "tests.faults.table")

START_TIMEOUT_S = 60
# Names the index of configurations of proxies that tests start for themselves, also as processes: in the usual one the
# session's proxy leads.
APART = "LANEWATCH_INDICES_CONFIG"

# A red build must mean that a change broke something, so properties try the same examples every time;
# `make test-random` looks for new ones. A deadline would tell a busy machine from an idle one.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.register_profile("random", print_blob=True, deadline=None)
settings.load_profile("repeatable")

# A node of a test lives for minutes: it waits for no disk, and its Java does not compile what would pay off in hours.
MEMORY = Path("/dev/shm")
ROOM_BYTES = 4 << 30


_files = itertools.count()


def pytest_configure() -> None:
    """Puts what is temporary into memory where there is room, for the tests and for the processes they start."""
    os.environ.setdefault("ES_JAVA_OPTS", "-XX:TieredStopAtLevel=1")
    os.environ[APART] = "lanewatch-apart-config"
    if "TMPDIR" not in os.environ and is_roomy(MEMORY):
        os.environ["TMPDIR"] = tempfile.tempdir = str(MEMORY)


def is_roomy(folder: Path) -> bool:
    """Whether a node can have its folders there; it loads libraries from one of them."""
    if not os.access(folder, os.W_OK) or shutil.disk_usage(folder).free < ROOM_BYTES:
        return False
    return not os.statvfs(folder).f_flag & os.ST_NOEXEC


# The fixtures that start a cluster or are given one: whoever uses one of them, however indirectly, needs a cluster.
CLUSTER_FIXTURES = {"cluster", "secured_cluster_url"}
TESTS = Path(__file__).parent
# Folders of tests whose cluster is another than that of all others: they wait for a browser, for what they killed, or
# for programs of others.
GROUPS = {
    "ui": "page",
    "runtime": "runtime",
    **dict.fromkeys(("leadership", "faults", "contract_kit", "clients", "openapi", "fuzz"), "proxies"),
}
# What takes longest begins first.
ORDER = ("runtime", "cluster", "page", "proxies")
# Where models are trained, which takes seconds: the engine as a whole, its models, and the helpers that run them.
TRAINING = ("proxy.engine.job", "proxy.engine.models", "tests.engine.jobs", "tests.engine.planted", "bench")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks what needs a cluster and what trains models, before ``-m`` is asked, and divides all among processes.

    A test that starts a cluster without those fixtures bears the mark itself.
    """
    ranks: dict[pytest.Item, tuple[int, bool]] = {}
    for item in items:
        if CLUSTER_FIXTURES & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.cluster)
        if any(origin_of(value).startswith(TRAINING) for value in vars(item.module).values()):
            item.add_marker(pytest.mark.trains)
        needs_cluster = item.get_closest_marker("cluster") is not None
        group = group_of(item.path) if needs_cluster else item.path.stem
        item.add_marker(pytest.mark.xdist_group(group))
        ranks[item] = (ORDER.index(group) if needs_cluster else len(ORDER), item.get_closest_marker("trains") is None)
    items.sort(key=ranks.__getitem__)


def pytest_collection_finish() -> None:
    """Keeps the thousands of tests out of what is looked through for garbage after each of them that has a loop."""
    gc.collect()
    gc.freeze()


def group_of(path: Path) -> str:
    """The tests that share a process, and a cluster if they need one, so that groups wait side by side."""
    folder = path.relative_to(TESTS).parts[0]
    return GROUPS.get(folder, "cluster")


def origin_of(value: object) -> str:
    """The module that a value was imported from, or that it is."""
    return str(value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", ""))


@pytest.fixture(scope="session")
def cluster(request: pytest.FixtureRequest) -> Iterator[NoopElasticsearch]:
    """pytest-elasticsearch's external cluster: somebody's own if named, else one of ours for the session."""
    options = request.config.option
    if options.elasticsearch_host or options.elasticsearch_port:
        yield request.getfixturevalue("elasticsearch_nooproc")
        return
    with start_node(load_config(environ={}).cluster, report=print) as node:
        options.elasticsearch_host, _, options.elasticsearch_port = node.url.removeprefix("http://").partition(":")
        yield request.getfixturevalue("elasticsearch_nooproc")


@pytest.fixture(scope="session")
def cluster_url(cluster: NoopElasticsearch) -> str:
    return f"http://{cluster.host}:{cluster.port}"


@pytest.fixture(scope="session")
def cluster_client(cluster_url: str) -> HttpClient:
    """Plain HTTP to the cluster itself, past the proxy."""
    return HttpClient(cluster_url)


# Of a cluster with security: names and roles; all have the same password.
PASSWORD = "correct-horse"
USERS = {
    "proxy": "superuser",
    "admin": "superuser",
    "ml_admin": "machine_learning_admin",
    "ml_user": "machine_learning_user",
    "nobody": "",
    "runner": "runner",
    "lanewatch": "lanewatch",
    "weak": "weak",
}
# The first is what the README tells administrators to create; a test compares them.
ROLES = """\
lanewatch:
  cluster: [monitor, manage_ml, manage_api_key]
  indices: [{names: [".ml-*", "lanewatch-*"], privileges: [all]}]
runner:
  run_as: [ml_user, ml_admin]
weak:
  cluster: [monitor]
  indices: [{names: ["lanewatch-*"], privileges: [all]}]
"""
# Of service accounts: accounts and what is secret of their tokens, each named `token`.
SERVICE_SECRETS = {"elastic/kibana": "kibana-secret", "elastic/fleet-server": "fleet-secret"}


def hashed(secret: str) -> str:
    """As Elasticsearch keeps secrets of tokens, which, unlike passwords, may not stand there as they are."""
    salt, rounds = b"a salt of thirty-two bytes, so..", 1000
    derived = hashlib.pbkdf2_hmac("sha512", secret.encode(), salt, rounds, 32)
    return "{PBKDF2}" + f"{rounds}${base64.b64encode(salt).decode()}${base64.b64encode(derived).decode()}"


@pytest.fixture(scope="session")
def secured_cluster_url() -> Iterator[str]:
    """A second cluster, with security on and the USERS in its file realm; started for those who ask for it.

    It makes API keys where there is a Java compiler.
    """
    by_role: dict[str, list[str]] = {}
    for user, role in USERS.items():
        by_role.setdefault(role, []).append(user)
    additions = Additions(
        settings={"xpack.security.enabled": "true"},
        files={
            # Elasticsearch takes a password that bears no sign of a hash as it is.
            "users": "".join(f"{user}:{PASSWORD}\n" for user in USERS),
            "users_roles": "".join(f"{role}:{','.join(users)}\n" for role, users in by_role.items() if role),
            "roles.yml": ROLES,
            "service_tokens": "".join(
                f"{account}/token:{hashed(secret)}\n" for account, secret in SERVICE_SECRETS.items()
            ),
        },
    )
    with with_email_analysis(find_build(load_config(environ={}).cluster, print)) as home:
        own_home = {} if home is None else {"es_home": str(home)}
        config = load_config(environ={}, overrides={"cluster": {"heap": "512mb", **own_home}})
        with start_node(config.cluster, report=print, additions=additions) as node:
            yield node.url


@pytest.fixture(scope="session")
def config(cluster_url: str) -> Config:
    """The default settings with the session's cluster and a free port."""
    return load_config(
        environ={},
        overrides={"elasticsearch": {"hosts": [cluster_url]}, "server": {"port": 0, "shutdown_timeout": "1s"}},
    )


class BackgroundProxy:
    """A proxy that serves in a thread with a loop of its own, so that synchronous tests can call it."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.loop = uvloop.new_event_loop()
        self.serving = None
        self.thread = threading.Thread(target=self.loop.run_forever, name="proxy under test", daemon=True)

    def start(self) -> str:
        """Returns the address once it answers."""
        from proxy.serving import start_serving

        self.thread.start()
        self.serving = asyncio.run_coroutine_threadsafe(start_serving(self.config), self.loop).result(START_TIMEOUT_S)
        return self.serving.url

    def stop(self) -> None:
        """Does nothing where it has been stopped already."""
        if self.serving is None:
            return
        asyncio.run_coroutine_threadsafe(self.serving.close(), self.loop).result(START_TIMEOUT_S)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(START_TIMEOUT_S)
        self.loop.close()
        self.serving = None


@pytest.fixture(scope="module", autouse=True)
def apart() -> Iterator[str]:
    """The index of configurations of the proxies that a file's tests start.

    A file of its own has no jobs, drained places and leases that a failed test of another one has left.
    """
    name = f"lanewatch-apart{next(_files)}-config"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(APART, name)
        yield name


@pytest.fixture
def start_proxy() -> Iterator[Callable[[Config], BackgroundProxy]]:
    """Starts further proxies with settings of the test's own; those still running at its end are stopped."""
    started: list[BackgroundProxy] = []

    def start(config: Config) -> BackgroundProxy:
        if config.indices.config == load_config(environ={}).indices.config:
            config = replace(config, indices=replace(config.indices, config=os.environ[APART]))
        started.append(BackgroundProxy(config))
        started[-1].start()
        return started[-1]

    yield start
    for proxy in started:
        proxy.stop()


@pytest.fixture(scope="session")
def lanewatch(config: Config) -> Iterator[str]:
    """The address of the proxy in front of the session's cluster."""
    proxy = BackgroundProxy(config)
    url = proxy.start()
    yield url
    proxy.stop()


@pytest.fixture(scope="session")
def client(lanewatch: str) -> HttpClient:
    """Plain HTTP to the proxy."""
    return HttpClient(lanewatch)


@pytest.fixture(scope="session")
def es(lanewatch: str) -> Iterator[Elasticsearch]:
    """The official client, pointed at the proxy as its user would; what it is answered is held to its schema."""
    with Elasticsearch(lanewatch, request_timeout=60, max_retries=0, node_class=CheckedNode) as official:
        yield official


@pytest.fixture(scope="session")
def reset_jobs(client: HttpClient, cluster_client: HttpClient) -> Callable[[], None]:
    """Call it to have no jobs and none of the proxy's own indices."""

    def reset() -> None:
        jobs = client.get("/_ml/anomaly_detectors").json().get("jobs", [])
        for job in jobs:
            deleted = client.delete(f"/_ml/anomaly_detectors/{job['job_id']}", query={"force": "true"})
            assert deleted.status in (200, 404), deleted.text
        delete_own_indices(cluster_client)

    return reset


def delete_own_indices(cluster_client: HttpClient) -> None:
    query = {"expand_wildcards": "all", "format": "json", "h": "index"}
    rows = cluster_client.get("/_cat/indices/.ml-*,lanewatch-*,-lanewatch-*-lease", query=query).json()
    names = [row["index"] for row in rows]
    if names:
        deleted = cluster_client.delete("/" + ",".join(names), query={"ignore_unavailable": "true"})
        assert deleted.status == 200, deleted.text
