"""Walls between the parts of the package: which may import which, who may use a library, what a process loads."""

import ast
import graphlib
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator

import pytest

from tests.house import PROXY, SOURCES, TOP, imports_of, module_name, part_of, tree_of

# Who may import whom inside the package: a part and the parts it may see, besides the leaves and itself.
LEAVES = {
    *("body_text", "config", "config_loading", "errors", "host_credentials", "java_regex", "json_fault", "resources"),
    *("schema_search", "tls", "units"),
}
SEES = {
    "alerting": {"job_config", "runtime", "store"},
    "answer_schemas": {"schemas"},
    "api": {"alerting", "runtime", "store", "schemas", "job_config", "metrics"},
    "app": {"alerting", "api", "duty", "leadership", "runtime", "store", "schemas", "metrics"},
    "check": {"job_config", "runtime", "store"},
    "contract_kit": {"answer_schemas", "api"},
    "cli": {"commands"},
    "cluster": set(),
    "commands": {
        "api",
        "check",
        "cluster",
        "contract_kit",
        "demo",
        "nginx",
        "nginx_process",
        "nodes",
        "schemas",
        "serving",
        "openapi",
        "transfer",
    },
    "demo": {"cluster", "serving", "transfer"},
    "duty": {"alerting", "runtime", "store"},
    "engine": set(),
    "job_config": {"engine"},  # what the engine needs to know is read from the configuration there
    "leadership": {"runtime", "store"},
    "metrics": {"runtime", "store"},
    "nginx": {"api"},
    "nginx_process": {"cluster", "runtime"},
    "nodes": {"transfer"},
    "openapi": {"answer_schemas", "api", "schemas"},
    "runtime": {"engine", "store", "job_config"},
    "schemas": set(),
    "serving": {"api", "app", "check", "cluster", "leadership", "nginx", "nginx_process", "runtime", "store"},
    "store": {"job_config"},
    "transfer": set(),
}
# Which part alone may use a library; the rest may be used by all.
OWNERS = {
    "aiohttp": {"alerting", "api", "app"},  # alerting is its client
    "aiosmtplib": {"alerting"},
    "cbor2": {"api"},
    "combustache": {"alerting"},
    "cryptography": {"alerting"},
    "elastic_transport": {"store", "demo", "transfer"},
    "elasticsearch": {"store", "demo", "transfer"},  # the demo and transfer are users with the official client
    "jsonschema": {"schemas", "answer_schemas", "config_loading"},
    "jsonschema_rs": {"schema_search"},
    "prometheus_client": {"metrics"},
    "ray": {"runtime"},
    "re2": {"java_regex"},
    "rich": {"cli", "demo", "cluster", "nodes", "transfer"},
    "uvloop": {"serving", "runtime"},  # each process has one loop
}
# Parts of a declared library that have a package of their own.
COMES_WITH = {
    "elastic_transport": "elasticsearch",
    "multidict": "aiohttp",
    "referencing": "jsonschema",
    "yarl": "aiohttp",
}
DISTRIBUTION_OF = {
    "jsonschema_rs": "jsonschema-rs",
    "markdown_it": "markdown-it-py",
    "prometheus_client": "prometheus-client",
    "re2": "google-re2",
    "yaml": "pyyaml",
}
ENGINE_LIBRARIES = {"numpy", "scipy"}
STORE_ROOMS = {path.stem for path in (PROXY / "store").iterdir()}


@pytest.mark.parametrize("part", sorted(SEES))
def test_a_part_imports_only_what_it_may_see(part):
    allowed = SEES[part] | LEAVES | {part}
    seen = {
        (module_name(path), name)
        for path in SOURCES
        if part_of(path) == part
        for name in imports_of(path)
        if name.startswith("proxy.") and name.split(".")[1] not in allowed | {"__version__"}
    }
    assert seen == set()


def test_leaves_import_only_leaves():
    seen = {
        (module_name(path), name)
        for path in SOURCES
        if part_of(path) in LEAVES
        for name in imports_of(path)
        if name.startswith("proxy.") and name.split(".")[1] not in LEAVES
    }
    assert seen == set()


def test_every_part_has_its_rule():
    assert {part_of(path) for path in SOURCES} - {"__init__", "__main__"} == set(SEES) | LEAVES


def test_every_library_is_declared_and_every_declared_one_used():
    project = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]
    wanted = project["dependencies"] + project["optional-dependencies"]["ray"]
    declared = {re.split(r"[^\w-]", dependency)[0] for dependency in wanted}
    imported = {name.split(".")[0] for path in SOURCES for name in imports_of(path)}
    foreign = imported - set(sys.stdlib_module_names) - {"proxy"}
    assert {DISTRIBUTION_OF.get(name, COMES_WITH.get(name, name)) for name in foreign} == declared


def test_a_library_is_used_only_by_its_owner():
    strangers = {
        (module_name(path), library)
        for path in SOURCES
        for library in {name.split(".")[0] for name in imports_of(path)}
        if library in OWNERS and part_of(path) not in OWNERS[library]
    }
    assert strangers == set()


def test_the_engine_needs_only_arrays_and_the_standard_library():
    foreign = {
        (module_name(path), name)
        for path in SOURCES
        if part_of(path) == "engine"
        for name in imports_of(path)
        if name.split(".")[0] not in ENGINE_LIBRARIES | set(sys.stdlib_module_names) | {"proxy"}
    }
    assert foreign == set()


def columns_of(tree: ast.AST) -> set[str]:
    """The private attributes behind the slots that components declare (`super().__init__(level=Slot("f8"))`)."""
    return {
        f"_{keyword.arg}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        for keyword in node.keywords
        if isinstance(keyword.value, ast.Call) and ast.unparse(keyword.value.func) == "Slot"
    }


def strangers_at(tree: ast.AST, columns: set[str]) -> list[str]:
    """The places where a column is read or written of anybody but `self`."""
    return [
        f"{node.lineno}: {ast.unparse(node)}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr in columns and ast.unparse(node.value) != "self"
    ]


def test_no_module_touches_the_columns_of_a_component_but_its_own():
    trees = {path: tree_of(path) for path in SOURCES + sorted((TOP / "bench").rglob("*.py"))}
    columns = set().union(*(columns_of(tree) for tree in trees.values()))
    assert {"_level", "_day", "_period", "_centre"} <= columns
    assert strangers_at(ast.parse("self._day[1] = other._level[0]"), columns) == ["1: other._level"]
    assert {path.name: found for path, tree in trees.items() if (found := strangers_at(tree, columns))} == {}


def test_the_engine_has_no_clock_no_log_and_no_loop():
    banned = ("asyncio", "datetime.datetime", "logging", "os", "random", "socket", "subprocess", "threading", "time")
    used = {
        (module_name(path), name)
        for path in SOURCES
        if part_of(path) == "engine"
        for name in imports_of(path)
        if name.startswith(tuple(f"{module}." for module in banned)) or name in banned
    }
    assert used == set()


def test_no_module_imports_itself_by_way_of_others():
    """Also not where an import stands in a function or is only for types: the parts would not be apart."""
    modules = {module_name(path): path for path in SOURCES}
    graph = {
        module: {
            name if name in modules else name.rpartition(".")[0]
            for name in imports_of(path)
            if name.startswith("proxy.")
        }
        & modules.keys() - {module}
        for module, path in modules.items()
    }
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        pytest.fail(" is imported by ".join(error.args[1]))


def test_a_store_is_used_by_its_face():
    """Who serves requests knows what the store offers, and not in which of its rooms that is made."""
    inside = {
        (module_name(path), name)
        for path in SOURCES
        if part_of(path) in ("api", "app")
        for name in imports_of(path)
        if name.startswith("proxy.store.") and f"{name.split('.')[2]}" in STORE_ROOMS
    }
    assert inside == set()


def imports_when_loaded(body: list[ast.stmt]) -> Iterator[str]:
    """The dotted names that statements import as soon as their module is loaded."""
    for node in body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            yield from imports_when_loaded(node.orelse)
        elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            for part in ("body", "orelse", "handlers", "finalbody"):
                yield from imports_when_loaded(getattr(node, part, []))


def test_no_modules_import_each_other_in_a_circle():
    """So each can be imported alone: whichever comes first, what it needs is loaded before it."""
    paths = {module_name(path): path for path in SOURCES}

    def needed(name: str) -> Iterator[str]:
        for imported in imports_when_loaded(ast.parse(paths[name].read_text()).body):
            home = imported if imported in paths else imported.rpartition(".")[0]
            packages = [package for package in paths if home.startswith(f"{package}.")]
            # Its own packages are loaded before a module anyhow; it may not need what stands in them.
            yield from (package for package in packages if not name.startswith(f"{package}."))
            if home in paths:
                yield home

    graphlib.TopologicalSorter({name: set(needed(name)) - {name} for name in paths}).prepare()


def test_every_module_can_be_imported():
    names = [module_name(path) for path in SOURCES if path.name != "__main__.py"]
    script = "import importlib, sys\nfor name in sys.argv[1:]: importlib.import_module(name)"
    tried = subprocess.run([sys.executable, "-c", script, *names], cwd=TOP, capture_output=True, text=True, check=False)
    assert tried.returncode == 0, tried.stderr


WHAT_A_PLACE_LOADS = """
import sys
import proxy.runtime.place.child
print(*sorted(sys.modules))
"""


def test_the_worker_loads_no_web_server_and_no_schema_library():
    tried = subprocess.run([sys.executable, "-c", WHAT_A_PLACE_LOADS], cwd=TOP, capture_output=True, text=True)
    loaded = set(tried.stdout.split())
    assert "proxy.engine" in loaded, tried.stderr
    unwanted = ("aiohttp.web", "jsonschema", "yaml", "proxy.api", "proxy.schemas", "proxy.runtime.supervisor")
    assert {name for name in loaded if name.startswith(unwanted)} == set()


WHAT_SERVING_LOADS = """
import sys
import proxy.commands, proxy.runtime.place.making
print(*sorted(sys.modules))
"""


def test_ray_is_loaded_only_where_the_settings_ask_for_it():
    tried = subprocess.run([sys.executable, "-c", WHAT_SERVING_LOADS], cwd=TOP, capture_output=True, text=True)
    loaded = {name.split(".")[0] for name in tried.stdout.split()}
    assert "aiohttp" in loaded, tried.stderr
    assert "ray" not in loaded
    loading = {module_name(path) for path in SOURCES if "ray" in {name.split(".")[0] for name in imports_of(path)}}
    assert loading == {f"proxy.runtime.place.on_ray.{name}" for name in ("cluster", "place", "talk")}
