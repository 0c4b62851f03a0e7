"""The settings as typed sections. How they are read and joined is ``config_loading``'s matter.

What each setting means and its default stand in config.yaml, what it may be in schemas/_config.json. Whatever gets
its settings handed over, as the processes that hold models do, needs this module alone.
"""

from dataclasses import dataclass, field
from typing import NewType

Seconds = NewType("Seconds", float)
ByteSize = NewType("ByteSize", int)


class ConfigError(Exception):
    """A setting that cannot be used; the text is one sentence for the user."""


@dataclass(frozen=True, slots=True)
class ServerConfig:
    host: str
    port: int
    address: str | None
    max_content_length: ByteSize
    max_configuration_length: ByteSize
    max_in_flight_length: ByteSize
    max_depth: int
    max_connections: int
    max_headers: int
    max_header_size: ByteSize
    client_header_timeout: Seconds
    client_body_timeout: Seconds
    send_timeout: Seconds
    shutdown_timeout: Seconds
    ssl_certificate: str | None
    ssl_key: str | None
    ssl_key_passphrase: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class ElasticsearchConfig:
    hosts: tuple[str, ...]
    username: str | None
    password: str | None = field(repr=False)
    api_key: str | None = field(repr=False)
    ca_certs: str | None
    ca_fingerprint: str | None
    client_cert: str | None
    client_key: str | None
    verify_certs: bool
    connect_timeout: Seconds
    request_timeout: Seconds
    max_retries: int


@dataclass(frozen=True, slots=True)
class SecurityConfig:
    mode: str


@dataclass(frozen=True, slots=True)
class PageConfig:
    path: str | None
    public_base_url: str | None


@dataclass(frozen=True, slots=True)
class IndicesConfig:
    config: str
    journal: str
    results_prefix: str
    state: str
    state_write_alias: str
    annotations: str
    annotations_read_alias: str
    annotations_write_alias: str
    notifications: str
    alerting: str
    alerts: str
    alerts_alias: str
    deliveries: str


@dataclass(frozen=True, slots=True)
class MlConfig:
    max_model_memory_limit: ByteSize | None
    max_open_jobs: int
    max_machine_memory_percent: int
    delayed_data_check_freq: Seconds


@dataclass(frozen=True, slots=True)
class RuntimeConfig:
    places: str
    workers: int
    ray_address: str | None
    checkpoint_interval: Seconds
    step_timeout: Seconds
    max_waiting_requests: int


@dataclass(frozen=True, slots=True)
class AlertingConfig:
    secrets_key: str | None = field(repr=False)
    secrets_env_prefix: str
    secrets_dir: str | None
    allowed_hosts: tuple[str, ...]
    send_timeout: Seconds
    max_answer_length: ByteSize
    retry_for: Seconds
    keep_sent: Seconds


@dataclass(frozen=True, slots=True)
class ClusterConfig:
    es_home: str | None
    group: str
    artifact: str
    version: str
    cache_dir: str | None
    heap: ByteSize
    start_timeout: Seconds


@dataclass(frozen=True, slots=True)
class LogConfig:
    level: str


@dataclass(frozen=True, slots=True)
class Config:
    """All settings; `given` names those (as `section.key`) that are not config.yaml's own."""

    server: ServerConfig
    elasticsearch: ElasticsearchConfig
    security: SecurityConfig
    page: PageConfig
    indices: IndicesConfig
    ml: MlConfig
    runtime: RuntimeConfig
    alerting: AlertingConfig
    cluster: ClusterConfig
    log: LogConfig
    given: frozenset[str] = frozenset()
