"""Settings: config.yaml, the user's file, the environment and the command line, in rising order.

What each setting means and its default stand in config.yaml, what it may be in schemas/_config.json, their types in
``config``; here they are joined and checked. Nothing here opens a connection.
"""

import difflib
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import UnionType
from typing import Any, get_args

import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from proxy.config import ByteSize, Config, ConfigError, Seconds
from proxy.host_credentials import UnusableCredentials, agreed, masked, taken_out
from proxy.resources import resource_path
from proxy.units import parse_bytes, parse_duration_ms

ENV_PREFIX = "LANEWATCH_"
ENV_CONFIG_FILE = "LANEWATCH_CONFIG"
# Kubernetes tells every container of a service by such variables; one named lanewatch-... is no setting of ours.
_OF_A_SERVICE = re.compile(rf"{ENV_PREFIX}(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_\w+)?)")
_PORT_OF_A_SERVICE = re.compile(r"(tcp|udp|sctp)://")
SECRET_KEYS = ("password", "api_key", "ssl.key_passphrase", "key_passphrase", "secrets_key")

# Settings before they are typed: YAML mappings, whose values are whatever the user wrote.
Settings = dict[str, Any]
Overrides = Mapping[str, Mapping[str, object]]


def load_config(
    path: str | Path | None = None,
    *,
    overrides: Overrides | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Config:
    """The settings in force, typed; see `load_settings`."""
    settings, given = load_settings(path, overrides=overrides, environ=environ)
    return Config(**sections_from(settings), given=given)


def load_settings(
    path: str | Path | None = None,
    *,
    overrides: Overrides | None = None,
    environ: Mapping[str, str] = os.environ,
) -> tuple[Settings, frozenset[str]]:
    """The settings in force as they were written, and the `section.key` of those that are not config.yaml's own.

    Defaults < file (`path`, else LANEWATCH_CONFIG) < environment < overrides (the command line).
    Raises ConfigError for an unknown setting or an impossible value, with a hint where there is one.
    """
    defaults = read_settings(resource_path("config.yaml"))
    schema = json.loads(resource_path("schemas/_config.json").read_text(encoding="utf-8"))
    layers: list[tuple[str, Settings]] = []
    chosen = path or environ.get(ENV_CONFIG_FILE)
    if chosen:
        layers.append((f"[{chosen}]", read_settings(Path(chosen))))
    layers.append(("the environment", settings_from_environment(environ, defaults)))
    layers.append(("the command line", {name: dict(keys) for name, keys in (overrides or {}).items()}))
    merged = defaults
    given: set[str] = set()
    for source, layer in layers:
        refuse_invalid(layer, schema, source=source, defaults=defaults)
        merged = merge(merged, layer)
        given.update(dotted_keys(layer))
    merged["elasticsearch"] = with_credentials(merged["elasticsearch"])
    refuse_mixed_schemes(merged["elasticsearch"])
    refuse_keys_alone(merged)
    refuse_contradicting_limits(merged["server"])
    return merged, frozenset(given)


def with_credentials(elasticsearch: Settings) -> Settings:
    """The section with credentials in the settings that are for them, whichever way they were given."""
    try:
        hosts, username, password = taken_out(elasticsearch["hosts"])
        return elasticsearch | {
            "hosts": hosts,
            "username": agreed("elasticsearch.username", elasticsearch["username"], username),
            "password": agreed("elasticsearch.password", elasticsearch["password"], password),
        }
    except UnusableCredentials as problem:
        raise ConfigError(str(problem)) from None


def refuse_mixed_schemes(elasticsearch: Settings) -> None:
    """Raises ConfigError for hosts of which only some are https, and for certificates that no host would show."""
    schemes = {host.partition("://")[0].lower() for host in elasticsearch["hosts"]}
    if len(schemes) > 1:
        raise ConfigError("[elasticsearch.hosts] must all begin with [https://] or all with [http://]")
    for key in ("ca_certs", "ca_fingerprint", "client_cert"):
        if elasticsearch[key] and schemes == {"http"}:
            raise ConfigError(f"[elasticsearch.{key}] needs [elasticsearch.hosts] that begin with [https://]")


def refuse_keys_alone(settings: Settings) -> None:
    """Raises ConfigError for a key without its certificate, which would leave connections unprotected unnoticed."""
    for section, key, certificate in (
        ("server", "ssl.key", "ssl.certificate"),
        ("elasticsearch", "client_key", "client_cert"),
    ):
        if settings[section][key] and not settings[section][certificate]:
            raise ConfigError(f"[{section}.{key}] needs [{section}.{certificate}]")


def refuse_contradicting_limits(server: Settings) -> None:
    """Raises ConfigError for a largest body that would never be taken."""
    content, in_flight = (parse_bytes(server[key], key) for key in ("max_content_length", "max_in_flight_length"))
    if content > in_flight:
        raise ConfigError(
            "[server.max_in_flight_length] must be at least "
            f"[server.max_content_length] [{server['max_content_length']}] but is [{server['max_in_flight_length']}]"
        )


class SettingsLoader(yaml.SafeLoader):
    """YAML 1.2's booleans: here `on` and `off` are words, as security.mode wants them."""


SettingsLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in rows if tag != "tag:yaml.org,2002:bool"]
    for first, rows in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
SettingsLoader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$"), list("tf"))


def read_settings(path: Path) -> Settings:
    """The mapping in a YAML file; an empty file, or a section with every key commented out, changes nothing."""
    try:
        settings = yaml.load(path.read_text(encoding="utf-8"), SettingsLoader)
    except OSError as error:
        raise ConfigError(f"cannot read the configuration [{path}]: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"[{path}] is not YAML: {yaml_problem(error)}") from error
    if settings is None:
        return {}
    if not isinstance(settings, dict):
        raise ConfigError(f"[{path}] must hold sections such as [server], but is a {type(settings).__name__}")
    return {name: flat(section) for name, section in settings.items() if section is not None}


def flat(section: Any) -> Any:
    """A section whose settings of several words, as [ssl.certificate], may have been written one below the other."""
    if not isinstance(section, dict):
        return section
    keys: Settings = {}
    for key, value in section.items():
        below = value if isinstance(value, dict) else {}
        keys.update({f"{key}.{name}": each for name, each in below.items()} or {key: value})
    return keys


def yaml_problem(error: yaml.YAMLError | UnicodeDecodeError) -> str:
    """What is wrong and where, without the text around it: a secret may stand there."""
    mark = error.problem_mark if isinstance(error, yaml.MarkedYAMLError) else None
    if mark is None or not isinstance(error, yaml.MarkedYAMLError):
        return " ".join(str(error).split())
    return f"{error.problem} in line {mark.line + 1}, column {mark.column + 1}"


def settings_from_environment(environ: Mapping[str, str], defaults: Settings) -> Settings:
    """LANEWATCH_<SECTION>_<KEY> as settings; values are read as YAML unless text is what the setting holds."""
    targets = {
        f"{ENV_PREFIX}{section}_{key}".upper().replace(".", "_"): (section, key)
        for section, keys in defaults.items()
        for key in keys
    }
    settings: Settings = {}
    for variable, text in environ.items():
        if not variable.startswith(ENV_PREFIX) or variable == ENV_CONFIG_FILE:
            continue
        if (_OF_A_SERVICE.fullmatch(variable) and variable not in targets) or _PORT_OF_A_SERVICE.match(text):
            continue
        if variable not in targets:
            raise ConfigError(f"unknown environment variable [{variable}]{hint(variable, targets)}")
        section, key = targets[variable]
        try:
            value = text if isinstance(defaults[section][key], str | None) else yaml.load(text, SettingsLoader)
        except yaml.YAMLError as error:
            raise ConfigError(f"[{variable}] is not YAML: {yaml_problem(error)}") from error
        settings.setdefault(section, {})[key] = value
    return settings


def merge(base: Settings, layer: Settings) -> Settings:
    """`base` with the keys of `layer` over it, section by section."""
    return {name: {**section, **layer.get(name, {})} for name, section in base.items()}


def dotted_keys(settings: Settings) -> Iterator[str]:
    for section, keys in settings.items():
        yield from (f"{section}.{key}" for key in keys)


def refuse_invalid(settings: Settings, schema: Settings, *, source: str, defaults: Settings) -> None:
    """Raises ConfigError for the first fault of `settings` in the order of its text."""
    known = [*defaults, *dotted_keys(defaults)]
    for section, keys in settings.items():
        if section not in defaults:
            raise ConfigError(f"unknown section [{section}] in {source}{hint(str(section), known)}")
        for key in keys if isinstance(keys, dict) else ():
            if key not in defaults[section]:
                dotted = f"{section}.{key}"
                raise ConfigError(f"unknown setting [{dotted}] in {source}{hint(dotted, known)}")
    fault = next(Draft202012Validator(schema).iter_errors(settings), None)
    if fault is not None:
        raise ConfigError(f"{sentence_of(fault)} in {source}")


def hint(wrong: str, known: Sequence[str] | Mapping[str, object]) -> str:
    near = difflib.get_close_matches(wrong, list(known), n=1)
    return f", did you mean [{near[0]}]?" if near else ""


def sentence_of(fault: ValidationError) -> str:
    """What a setting must be, in the words of the schema that refused it."""
    place = ".".join(str(step) for step in fault.absolute_path)
    key = place.partition(".")[2]
    shown = "no such thing" if key in SECRET_KEYS else f"[{masked(json.dumps(fault.instance, default=str))}]"
    assert isinstance(fault.schema, Mapping), "a false schema refuses names, which is told elsewhere"
    return f"[{place}] must be {fault.schema['description']} but is {shown}"


def sections_from(settings: Settings) -> dict[str, Any]:
    """The section dataclasses of Config, filled from settings that have been checked."""
    return {
        section.name: section.type(**typed_values(section.type, settings[section.name]))
        for section in fields(Config)
        if isinstance(section.type, type) and is_dataclass(section.type)
    }


def typed_values(section: type, values: Settings) -> Settings:
    """The values by the names of the section's fields, which have no dots."""
    by_field = {key.replace(".", "_"): (key, value) for key, value in values.items()}
    return {key.name: typed(by_field[key.name][1], key.type, by_field[key.name][0]) for key in fields(section)}


def typed(value: object, wanted: object, setting: str) -> object:
    """`value` as the annotation says: seconds and bytes as numbers, lists as tuples."""
    if value is None:
        return None
    if isinstance(wanted, UnionType):
        wanted = get_args(wanted)[0]
    if wanted is Seconds:
        return parse_duration_ms(str(value), setting) / 1000
    if wanted is ByteSize:
        return parse_bytes(str(value), setting)
    return tuple(value) if isinstance(value, list) else value
