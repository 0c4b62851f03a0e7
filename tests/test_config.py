import dataclasses
import json

import pytest
import yaml

from proxy.config import Config, ConfigError
from proxy.config_loading import load_config, load_settings
from proxy.resources import resource_path


def refusal(tmp_path, text: str) -> str:
    """What a user is told about a configuration file with this text."""
    file = tmp_path / "mine.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError) as refused:
        load_config(file, environ={})
    return str(refused.value).replace(str(file), "mine.yaml")


def test_without_a_file_the_defaults_hold():
    config = load_config(environ={})
    assert config.server.port == 9280
    assert config.elasticsearch.hosts == ("http://127.0.0.1:9200",)
    assert config.given == frozenset()


def test_every_setting_has_a_default_a_type_and_a_schema():
    defaults = yaml.safe_load(resource_path("config.yaml").read_text())
    schema = json.loads(resource_path("schemas/_config.json").read_text())["properties"]
    sections = {field.name: field.type for field in dataclasses.fields(Config) if field.name != "given"}
    assert list(defaults) == list(schema) == list(sections)
    for name, section in sections.items():
        typed = [field.name for field in dataclasses.fields(section)]
        assert list(defaults[name]) == list(schema[name]["properties"])
        assert [key.replace(".", "_") for key in defaults[name]] == typed


def test_every_setting_is_explained_in_the_file():
    text = resource_path("config.yaml").read_text()
    settings = [line for line in text.splitlines() if line.startswith("  ")]
    # Index names explain themselves.
    unexplained = [line.strip() for line in settings if "#" not in line and ".ml-" not in line]
    assert unexplained == ["password: null", "artifact: elasticsearch", "version: 8.19.8", "heap: 1gb"]


def test_every_kind_of_setting_can_say_what_it_must_be():
    kinds = json.loads(resource_path("schemas/_config.json").read_text())["$defs"]
    assert [name for name, kind in kinds.items() if not kind.get("description")] == []


def test_durations_become_seconds_and_sizes_bytes(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("server: {max_content_length: 2kb}\nelasticsearch: {connect_timeout: 1500ms, request_timeout: 2m}")
    config = load_config(file, environ={})
    assert config.server.max_content_length == 2048
    assert config.elasticsearch.connect_timeout == 1.5
    assert config.elasticsearch.request_timeout == 120


def test_the_file_wins_over_defaults_the_environment_over_it_and_the_command_line_over_all(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("server: {host: 10.0.0.1, port: 1}\nruntime: {workers: 3}")
    environ = {"LANEWATCH_CONFIG": str(file), "LANEWATCH_SERVER_PORT": "2", "LANEWATCH_RUNTIME_WORKERS": "4"}
    config = load_config(environ=environ, overrides={"server": {"port": 3}})
    assert (config.server.host, config.server.port, config.runtime.workers) == ("10.0.0.1", 3, 4)
    assert config.given == {"server.host", "server.port", "runtime.workers"}


def test_a_body_may_not_be_larger_than_what_may_be_held_at_once(tmp_path):
    assert refusal(tmp_path, "server: {max_content_length: 1gb}") == (
        "[server.max_in_flight_length] must be at least [server.max_content_length] [1gb] but is [256mb]"
    )


def test_a_password_of_digits_in_the_environment_stays_text():
    environ = {"LANEWATCH_ELASTICSEARCH_USERNAME": "proxy", "LANEWATCH_ELASTICSEARCH_PASSWORD": "007"}
    assert load_config(environ=environ).elasticsearch.password == "007"


def test_a_list_may_come_from_the_environment():
    environ = {"LANEWATCH_ELASTICSEARCH_HOSTS": "[http://a:9200, http://b:9200]"}
    assert load_config(environ=environ).elasticsearch.hosts == ("http://a:9200", "http://b:9200")


def test_secrets_are_not_shown_by_the_settings_themselves():
    environ = {"LANEWATCH_ELASTICSEARCH_PASSWORD": "s3cret", "LANEWATCH_ELASTICSEARCH_API_KEY": "k3y"}
    shown = repr(load_config(environ=environ))
    assert "s3cret" not in shown
    assert "k3y" not in shown


def test_credentials_in_hosts_move_to_the_settings_that_are_for_them(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("elasticsearch: {hosts: ['https://el%40stic:s%2F3cret:x@a:9200/es', 'https://b:9200']}")
    cluster = load_config(file, environ={}).elasticsearch
    assert cluster.hosts == ("https://a:9200/es", "https://b:9200")
    assert (cluster.username, cluster.password) == ("el@stic", "s/3cret:x")
    both = load_config(file, environ={"LANEWATCH_ELASTICSEARCH_PASSWORD": "s/3cret:x"}).elasticsearch
    assert both == cluster, "the same twice is no contradiction"


def test_a_username_in_hosts_leaves_the_password_to_the_settings():
    environ = {"LANEWATCH_ELASTICSEARCH_HOSTS": "[http://me@a:1]", "LANEWATCH_ELASTICSEARCH_PASSWORD": "s3cret"}
    cluster = load_config(environ=environ).elasticsearch
    assert (cluster.hosts, cluster.username, cluster.password) == (("http://a:1",), "me", "s3cret")


@pytest.mark.parametrize(
    ("section", "told"),
    [
        (
            "{hosts: ['http://me:s3cret@a'], username: you}",
            "[elasticsearch.username] and [elasticsearch.hosts] must not differ: give one of them",
        ),
        (
            "{hosts: ['http://me:s3cret@a'], username: me, password: s3cre7}",
            "[elasticsearch.password] and [elasticsearch.hosts] must not differ: give one of them",
        ),
        (
            "{hosts: ['http://me:s3cret@a', 'http://me:s3cre7@b']}",
            "[elasticsearch.hosts] must name one username and password but name several",
        ),
        (
            "{hosts: ['http://me:s3/s3cret@a']}",
            "[elasticsearch.hosts] must have [/] in a username or password written as [%2F]",
        ),
        ("{hosts: ['ftp://me:s3cret@a']}", "[elasticsearch.hosts.0] must be an address such as http://127.0.0.1:9200"),
        ("{hosts: 'http://me:s3cret@a'}", '[elasticsearch.hosts] must be a list of addresses but is ["********@a"]'),
        ("{hosts: [http://me:s3cret@a}", "[mine.yaml] is not YAML: expected ',' or ']', but got '}' in line 1"),
    ],
)
def test_what_is_wrong_with_credentials_is_told_without_them(tmp_path, section, told):
    text = refusal(tmp_path, f"elasticsearch: {section}")
    assert text.startswith(told)
    assert "s3cre" not in text


def test_off_is_a_word_and_not_a_boolean(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("security:\n  mode: off\n")
    assert load_config(file, environ={}).security.mode == "off"


def test_a_section_with_all_its_keys_commented_out_changes_nothing(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("server:\n  # port: 1\n")
    assert load_config(file, environ={}) == load_config(environ={})


def test_the_written_form_of_the_settings_is_kept_for_showing():
    settings, _ = load_settings(environ={"LANEWATCH_CLUSTER_HEAP": "2gb"})
    assert settings["cluster"]["heap"] == "2gb"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("server: {prot: 1}", "unknown setting [server.prot] in [mine.yaml], did you mean [server.port]?"),
        ("servers: {port: 1}", "unknown section [servers] in [mine.yaml], did you mean [server]?"),
        ("zzz: {port: 1}", "unknown section [zzz] in [mine.yaml]"),
        ("security: {mode: of}", '[security.mode] must be auto, on or off but is ["of"] in [mine.yaml]'),
        ("security: {mode: true}", "[security.mode] must be auto, on or off but is [true] in [mine.yaml]"),
        ("server: {port: 70000}", "[server.port] must be a port number, or 0 for a free one but is [70000]"),
        ("elasticsearch: {hosts: [localhost]}", "[elasticsearch.hosts.0] must be an address such as http"),
        ("elasticsearch: {hosts: []}", "[elasticsearch.hosts] must be a list of addresses but is [[]]"),
        ("indices: {config: .Upper}", "[indices.config] must be a lower-case index name but is"),
        ("cluster: {heap: 1 gb}", "[cluster.heap] must be a size such as 64kb, 100mb or 1gb but is"),
        ("elasticsearch: {request_timeout: 60}", "[elasticsearch.request_timeout] must be a duration such as"),
        ("elasticsearch: {password: 123}", "[elasticsearch.password] must be a text or null but is no such thing in"),
        (
            "server: {port: 2020-01-01}",
            '[server.port] must be a port number, or 0 for a free one but is ["2020',
        ),
        ("server: 3", "[server] must be a section of settings but is [3] in [mine.yaml]"),
        ("- server", "[mine.yaml] must hold sections such as [server], but is a list"),
        ("server: {", "[mine.yaml] is not YAML: "),
    ],
)
def test_a_wrong_setting_is_refused_with_what_it_must_be(tmp_path, text, told):
    assert told in refusal(tmp_path, text)


def test_a_missing_file_is_named():
    with pytest.raises(ConfigError, match=r"cannot read the configuration \[/nowhere\.yaml\]: No such file"):
        load_config("/nowhere.yaml", environ={})


def test_a_misspelt_variable_is_refused_with_a_hint():
    with pytest.raises(ConfigError, match=r"\[LANEWATCH_SERVER_PROT\], did you mean \[LANEWATCH_SERVER_PORT\]\?"):
        load_config(environ={"LANEWATCH_SERVER_PROT": "1"})


def test_a_variable_that_cannot_be_read_is_named():
    with pytest.raises(ConfigError, match=r"\[LANEWATCH_ELASTICSEARCH_HOSTS\] is not YAML: "):
        load_config(environ={"LANEWATCH_ELASTICSEARCH_HOSTS": "["})


def test_what_kubernetes_tells_of_services_is_no_setting():
    """A Service named lanewatch, or lanewatch-server, puts these into every container of its namespace."""
    environ = {
        "LANEWATCH_SERVICE_HOST": "10.0.0.1",
        "LANEWATCH_SERVICE_PORT": "9280",
        "LANEWATCH_SERVICE_PORT_HTTP": "9280",
        "LANEWATCH_PORT": "tcp://10.0.0.1:9280",
        "LANEWATCH_PORT_9280_TCP": "tcp://10.0.0.1:9280",
        "LANEWATCH_PORT_9280_TCP_PROTO": "tcp",
        "LANEWATCH_SERVER_SERVICE_HOST": "10.0.0.1",
        "LANEWATCH_SERVER_PORT": "tcp://10.0.0.1:9280",
    }
    config = load_config(environ=environ)
    assert (config.server.port, config.given) == (9280, frozenset())
    assert load_config(environ=environ | {"LANEWATCH_SERVER_PORT": "9999"}).server.port == 9999


@pytest.mark.parametrize(
    ("hosts", "ca_certs", "told"),
    [
        ("[http://a:9200]", "ca.pem", "ca_certs] needs [elasticsearch.hosts] that begin with [https://]"),
        ("[http://a:9200, https://b:9200]", None, "must all begin with [https://] or all with [http://]"),
    ],
)
def test_hosts_and_certificates_must_fit(tmp_path, hosts, ca_certs, told):
    text = f"elasticsearch: {{hosts: {hosts}, ca_certs: {ca_certs or 'null'}}}"
    assert told in refusal(tmp_path, text)
