"""The one typed settings object, read from the environment, from files of secrets, and an optional TOML file."""

import os
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AnyHttpUrl, Field, SecretStr, ValidationError, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from firstread.destinations import Destination, DestinationName
from firstread.errors import UsageError

Precision = Literal["auto", "f32", "int8"]

PREFIX = "FIRSTREAD_"
CONFIG = "firstread.toml"
SYSTEM_FOLDER = Path("/etc/firstread")
_LARGEST_SECRET_BYTES = 65_536


def config_file() -> Path:
    """Return the path of the TOML file, whether it is there or not.

    It is the one that FIRSTREAD_CONFIG names, else firstread.toml in the user's config folder where that is there, else
    the one in /etc/firstread. Never one in the current folder: that may hold what others sent.
    """
    if named := os.environ.get(f"{PREFIX}CONFIG"):
        return Path(named).expanduser()
    users, systems = _home("XDG_CONFIG_HOME", ".config") / CONFIG, SYSTEM_FOLDER / CONFIG
    return systems if systems.is_file() and not users.is_file() else users


def _home(variable: str, fallback: str) -> Path:
    """Return firstread's folder under an XDG base folder; the specification has relative ones ignored."""
    base = Path(os.environ.get(variable) or "")
    return (base if base.is_absolute() else Path.home() / fallback) / "firstread"


class Settings(BaseSettings):
    """What an installation may choose; every field is documented in docs/reference/settings.md."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, extra="forbid", frozen=True, validate_default=True
    )

    models: Annotated[tuple[Path, ...], NoDecode] = Field(
        default=(),
        examples=[["/srv/models"]],
        description="Folders that are searched for model packages before the shipped ones; a list, in the "
        "environment separated by colons. Default: none.",
    )
    cache_dir: Path = Field(
        default_factory=lambda: _home("XDG_CACHE_HOME", ".cache"),
        examples=["~/.cache/firstread"],
        description="Where compiled networks and choices of precision are kept; it may be deleted at any time. "
        "Default: firstread under XDG_CACHE_HOME, `~/.cache/firstread`.",
    )
    data_dir: Path = Field(
        default_factory=lambda: _home("XDG_DATA_HOME", ".local/share"),
        examples=["~/.local/share/firstread"],
        description="Where firstread keeps what must last. "
        "Default: firstread under XDG_DATA_HOME, `~/.local/share/firstread`.",
    )
    threads: int | None = Field(
        default=None,
        ge=1,
        le=1024,
        examples=[2],
        description="Threads of inference, 1 to 1024. Default: the cores granted to the process.",
    )
    precision: Precision = Field(
        default="auto",
        description="Number format of the networks: auto, f32 or int8. Default: auto, the fastest on this "
        "host of those that passed their accuracy gate; it is measured once and remembered.",
    )

    archive_dir: Path | None = Field(
        default=None,
        examples=["/srv/firstread/archive"],
        description="Folder of the archive: the instances, and the database unless `database_url` names another; it "
        "must be on a disk that keeps what it acknowledges. Default: archive in `data_dir`.",
    )
    database_url: SecretStr | None = Field(
        default=None,
        examples=["postgresql://firstread@db.example/firstread"],
        description="Database of the archive: `postgresql://USER:PASSWORD@HOST/NAME` (needs the extra `postgresql`) or "
        "`sqlite:////FOLDER/FILE`. Default: archive.sqlite in `archive_dir`.",
    )
    instances_url: str | None = Field(
        default=None,
        examples=["s3://firstread/archive"],
        description="Bucket that holds the instances, `s3://BUCKET/PREFIX` (needs the extra `s3`), for several hosts "
        "without a fast shared folder. Default: none, they are in `archive_dir`.",
    )
    instances_endpoint: str | None = Field(
        default=None,
        examples=["https://objects.hospital.example:9000"],
        description="Address of the object store, `https://HOST:PORT`; with `http://` patients' images and the "
        "signatures of requests travel in the clear. Default: AWS_ENDPOINT_URL, else Amazon's of the region.",
    )
    instances_region: str | None = Field(
        default=None,
        examples=["eu-central-1"],
        description="Region of the bucket. Default: AWS_REGION, else us-east-1.",
    )
    instances_key_id: str | None = Field(
        default=None,
        examples=["KEY-ID"],
        description="Access key of the object store. Default: AWS_ACCESS_KEY_ID, else the host's role.",
    )
    instances_key: SecretStr | None = Field(
        default=None,
        examples=["SECRET"],
        description="Secret key of the object store. Default: AWS_SECRET_ACCESS_KEY, else the host's role.",
    )
    instances_cache_mib: int = Field(
        default=10240,
        ge=16,
        description="Size of what is kept of the bucket on this host, under instances in `cache_dir`, in MiB; the "
        "least used goes first. Default: 10240.",
    )
    archive_keep_days: int | None = Field(
        default=None,
        ge=1,
        examples=[90],
        description="Days after which a study that was read and sent is removed, counted from its last instance. "
        "Default: none, studies are kept.",
    )
    archive_full_percent: int | None = Field(
        default=None,
        ge=1,
        le=99,
        examples=[85],
        description="Share of the archive's disk, in percent, above which the studies that were read and sent longest "
        "ago are removed until it is 5 points lower. Default: none, studies are kept.",
    )
    study_quiet_s: float = Field(
        default=10.0,
        ge=0.0,
        le=86_400.0,
        description="Seconds without a new image after which a study counts as complete, and is routed. Default: 10.",
    )
    study_open_s: float = Field(
        default=30.0,
        ge=0.0,
        le=86_400.0,
        description="Seconds after a study's last image for which an association that brought it and is still open "
        "holds it back: its sender pauses, and more may come. Counts where it is more than study_quiet_s. Default: 30.",
    )
    worker_reads: int = Field(
        default=1,
        ge=1,
        le=64,
        description="Reads at once in one worker, each in a process of its own; they share its cores. The same "
        "on all hosts: the worker that started last decides. Default: 1.",
    )
    worker_instances: Annotated[int, Field(ge=1, le=64)] | Literal["auto"] | None = Field(
        default=None,
        examples=["auto"],
        description="Instances of the engine in one worker, in place of worker_reads: each reads one study at a time, "
        "on cores and with memory of its own. A number, or auto: one a NUMA node. `firstread doctor` shows the plan. "
        "Default: none, reads share the worker's cores.",
    )
    reads_total: int | None = Field(
        default=None,
        ge=1,
        examples=[4],
        description="Reads at once in all workers together. Default: none, no limit but `worker_reads` of each.",
    )
    read_limit_s: float = Field(
        default=1800.0,
        gt=0.0,
        description="Seconds after which a read that has not ended is stopped, and counts as one that failed. "
        "Default: 1800.",
    )
    job_attempts: int = Field(
        default=3,
        ge=1,
        le=100,
        description="Times that a read is begun before the job has failed for good. Default: 3.",
    )
    worker_lost_s: float = Field(
        default=30.0,
        ge=1.0,
        description="Seconds without a sign of life after which a worker's jobs are taken over by another. "
        "Default: 30.",
    )
    archive_reserve_mib: int = Field(
        default=1024,
        ge=0,
        description="Free space on the archive's disk, in MiB, below which `/health/ready` says no. Default: 1024.",
    )
    api_host: str = Field(
        default="127.0.0.1",
        description="Address on which DICOMweb and the health checks are served. DICOMweb on other than this "
        "computer's own needs `api_allow_remote`. Default: 127.0.0.1.",
    )
    api_port: int = Field(
        default=8080, ge=0, le=65535, description="TCP port of DICOMweb and the health checks. Default: 8080."
    )
    health_port: int | None = Field(
        default=None,
        ge=0,
        le=65535,
        examples=[8081],
        description="TCP port on which a process without the role api serves the health checks. "
        "Default: none, it does not.",
    )
    api_tls_certificate: Path | None = Field(
        default=None,
        examples=["/etc/firstread/web.pem"],
        description="PEM file of the web service's certificate, with its chain; with it the service speaks HTTPS only. "
        "A file that changes is taken within seconds. Default: none, plain HTTP.",
    )
    api_tls_key: Path | None = Field(
        default=None,
        examples=["/etc/firstread/web.key"],
        description="PEM file of that certificate's key, without a password. Default: in the certificate's file.",
    )
    api_requests_per_minute: int = Field(
        default=12_000,
        ge=60,
        description="Requests that one caller, by session, token or address, may make in a minute, in each process; "
        "more are answered 429. Default: 12000.",
    )
    api_trusted_proxies: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        examples=[["127.0.0.1", "10.0.0.0/28"]],
        description="Addresses and networks of the reverse proxies in front of the web service: only from them is "
        "X-Forwarded-For taken as the caller's address, for the limits of requests and logins and in the audit trail. "
        "A list, in the environment separated by commas. Default: none, whoever connects is the caller.",
    )
    api_allow_remote: bool = Field(
        default=False,
        description="Whether the web service may listen on other addresses than this computer's own; who calls needs "
        "an account or a token all the same. Default: false.",
    )
    api_local_roles: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        examples=[["radiologist"]],
        description="Roles of whoever calls the web service from this computer without an account, be it any user or "
        "program here. A list, in the environment separated by commas. Default: none, everybody needs an account.",
    )

    session_hours: float = Field(
        default=12.0,
        gt=0.0,
        le=168.0,
        description="Hours after which somebody who logged in must do so again. Default: 12.",
    )
    session_idle_min: float = Field(
        default=60.0,
        gt=0.0,
        description="Minutes without a request after which a session ends. Default: 60.",
    )
    second_factor: Literal["optional", "required"] = Field(
        default="optional",
        description="Whether whoever logs in with a password must have a second factor too: optional or required. A "
        "provider of `oidc_issuer` asks for its own. Default: optional.",
    )
    second_factor_key: SecretStr | None = Field(
        default=None,
        min_length=32,
        examples=["32 random characters, or more than that"],
        description="Key that closes the secrets of second factors in the database, 32 characters or more; "
        "`firstread projects new-key` makes one. The same on all hosts. Each start closes what is not closed with it. "
        "Lost, everybody needs a recovery code and a new second factor. Default: none, they are kept as they are.",
    )
    second_factor_former_keys: tuple[SecretStr, ...] = Field(
        default=(),
        examples=[["FORMER KEY"]],
        description="Keys that open the secrets of second factors, too, while `second_factor_key` is being replaced; a "
        "list, in the environment and in its file as JSON. Default: none.",
    )
    breached_passwords: Path | None = Field(
        default=None,
        examples=["/srv/firstread/pwned-passwords-sha1.txt"],
        description="File of SHA-1 digests of passwords that leaked, sorted, a line for each (at least its first 10 "
        "digits, `:` and anything after them), as Have I Been Pwned gives out; none of them may be chosen. "
        "Default: none, the list that comes with firstread.",
    )
    oidc_issuer: str | None = Field(
        default=None,
        pattern=r"^https?://\S+$",
        examples=["https://login.hospital.example/realms/staff"],
        description="Issuer of the OpenID provider with which people log in "
        "([single sign-on](../how-to/single-sign-on.md)). Default: none, accounts have passwords.",
    )
    oidc_client_id: str = Field(
        default="firstread", description="As the provider knows this installation. Default: firstread."
    )
    oidc_client_secret: SecretStr | None = Field(
        default=None,
        examples=["SECRET"],
        description="The client's secret at the provider. Default: none, a public client, with PKCE alone.",
    )
    oidc_scopes: str = Field(
        default="openid profile email",
        description="What the provider is asked for, with spaces between. Default: openid profile email.",
    )
    oidc_roles_claim: str = Field(
        default="groups",
        description="Claim that says a person's roles, a text or a list; of one within another with dots, as "
        "`realm_access.roles`. Default: groups.",
    )
    oidc_roles: dict[str, str] = Field(
        default_factory=dict,
        examples=[{"radiology-staff": "radiologist", "it-imaging": "administrator"}],
        description="Which role a value of `oidc_roles_claim` gives; whoever has none of them is not let in. A table, "
        "in the environment as JSON. Default: none, values that are names of roles give these.",
    )
    oidc_departments_claim: str = Field(
        default="department",
        description="Claim that says a person's departments, a text or a list. Default: department.",
    )
    oidc_authorities: Path | None = Field(
        default=None,
        examples=["/etc/firstread/hospital-ca.pem"],
        description="PEM file of the authorities whose certificates the provider may show. Default: those of the "
        "system.",
    )
    viewer_findings_first: bool = Field(
        default=True,
        description="Whether the viewer shows the AI's findings when a study is opened. False where a first look "
        "without them is wanted: one key shows them. Default: true.",
    )

    stop_grace_s: float = Field(
        default=30.0,
        ge=0.0,
        le=3600.0,
        description="Seconds that what is under way gets when `firstread serve` is told to stop. Default: 30.",
    )
    log_format: Literal["auto", "json", "text"] = Field(
        default="auto",
        description="How `firstread serve` logs, to the error stream: json, one object a line, or text. Default: auto, "
        "text on a terminal, else json.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info",
        description="Least level that is logged: debug, info, warning or error. Default: info.",
    )

    dicom_ae_title: str = Field(
        default="FIRSTREAD",
        description="This node's AE title, as others call it and as it calls others. Default: FIRSTREAD.",
    )
    dicom_host: str = Field(
        default="127.0.0.1",
        description="Address on which `firstread serve` listens for DICOM; 0.0.0.0 for all. "
        "Default: 127.0.0.1, this machine only.",
    )
    dicom_port: int = Field(
        default=11112, ge=0, le=65535, description="TCP port of the DICOM listener. Default: 11112."
    )
    dicom_callers: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        examples=[["CT1@10.0.0.21", "PACS@10.0.0.0/24"]],
        description="Peers that may associate: AE titles, each from anywhere or, as `CT1@10.0.0.0/24`, from one "
        "network; "
        "`any` for everybody. A list, in the environment separated by commas. Default: none, everybody is rejected.",
    )
    dicom_networks: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        examples=[["10.0.0.0/24"]],
        description="Addresses and networks from which DICOM connections are taken; others are cut off unheard. A "
        "list, in the environment separated by commas. Default: none, from everywhere.",
    )
    dicom_associations: int = Field(
        default=50,
        ge=1,
        le=450,
        description="Associations at the same time, 1 to 450; one more is rejected for now. Default: 50.",
    )
    dicom_pdu_bytes: int = Field(
        default=131_072,
        ge=4096,
        le=1 << 20,
        description="Largest PDU that peers may send, 4096 to 1048576 bytes. Default: 131072.",
    )
    dicom_instance_mib: int = Field(
        default=1024,
        ge=1,
        le=4096,
        description="Largest instance that is received, in MiB; a larger one ends its association. Default: 1024.",
    )
    dicom_memory_mib: int = Field(
        default=2048,
        ge=1,
        description="Memory for instances that are being received, all associations together, in MiB; an association "
        "that would need more is ended, and its sender tries again. Default: 2048.",
    )
    dicom_idle_s: float = Field(
        default=60.0,
        ge=1.0,
        le=3600.0,
        description="Seconds after which a peer that is silent is cut off, and after which a call gives up waiting. "
        "Default: 60.",
    )
    dicom_tls_certificate: Path | None = Field(
        default=None,
        examples=["/etc/firstread/node.pem"],
        description="PEM file of this node's certificate, with its chain; with it the listener speaks TLS only. "
        "Default: none, plain TCP.",
    )
    dicom_tls_key: Path | None = Field(
        default=None,
        examples=["/etc/firstread/node.key"],
        description="PEM file of the certificate's key, without a password. Default: in the certificate's file.",
    )
    dicom_tls_authorities: Path | None = Field(
        default=None,
        examples=["/etc/firstread/hospital-ca.pem"],
        description="PEM file of the authorities whose certificates are believed; with it every caller must show one. "
        "Default: none, callers need no certificate, and called nodes are checked against the system's authorities.",
    )
    destinations: dict[DestinationName, Destination] = Field(
        default_factory=dict,
        examples=[{"pacs": "PACS@10.0.0.5:104", "results": "folder:/srv/results"}],
        description="Where results go, by name: DICOM nodes `AE@HOST:PORT` and, over TLS, `tls:AE@HOST:PORT`; "
        "`stow:https://HOST/dicom-web`; `folder:/FOLDER`; `webhook:https://…`. Or a table with `address` and "
        "`documents`, a list of sr, seg, key, pdf, html, fhir, json. C-MOVE sends only to the DICOM nodes. A table, in "
        "the environment as JSON. Default: none.",
    )
    destination_secrets: dict[str, SecretStr] = Field(
        default_factory=dict,
        examples=[{"web": "USER:PASSWORD"}],
        description="Secrets by the name of the destination: of `stow:` a bearer token or `USER:PASSWORD`, of "
        "`webhook:` the key of its signature, 16 characters or more. A table, in the environment as JSON. "
        "Default: none.",
    )
    destination_authorities: Path | None = Field(
        default=None,
        examples=["/etc/firstread/hospital-ca.pem"],
        description="PEM file of the authorities whose certificates `stow:` and `webhook:` destinations may show. "
        "Default: those of the system.",
    )
    site_name: str = Field(
        default="",
        max_length=64,
        examples=["St Elsewhere Hospital"],
        description="Name of the hospital or practice, as signed reports name who answers for them. Default: none.",
    )
    destination_special_addresses: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        examples=[["169.254.10.5"]],
        description="Addresses that `stow:` and `webhook:` destinations and the alerts' web channels may have though "
        "they are link-local, multicast or those under which clouds tell their secrets. A list, in the environment "
        "separated by commas. Default: none.",
    )
    public_url: AnyHttpUrl | None = Field(
        default=None,
        examples=["https://firstread.example"],
        description="URL under which others reach this node's web service, `https://HOST`: for links in the events of "
        "webhooks, and where something in front of it speaks TLS, for cookies and for the addresses that DICOMweb "
        "gives. Default: none, events have no links.",
    )

    crosswalk_key: SecretStr | None = Field(
        default=None,
        examples=["SECRET"],
        description="Key that closes the keys of research projects and their crosswalks, 32 characters or more; "
        "`firstread projects new-key` makes one. Lost, no pseudonym leads back to a patient any more. Default: none, "
        "there are no research projects.",
    )

    audit_key: SecretStr | None = Field(
        default=None,
        min_length=16,
        examples=["32 random characters"],
        description="Key that seals the audit trail, 16 characters or more, so that whoever can write the database "
        "cannot forge it; keep it in a file. The same on all hosts. Default: none, the trail is chained without a key.",
    )
    audit_former_keys: tuple[SecretStr, ...] = Field(
        default=(),
        examples=[["FORMER KEY"]],
        description="Keys that sealed the audit trail before `audit_key` did, to verify what they sealed; a list, in "
        "the environment and in its file as JSON. Default: none.",
    )
    audit_source: str = Field(
        default="firstread",
        min_length=1,
        description="Name of this installation in audit messages (AuditSourceID). Default: firstread.",
    )
    audit_syslog: str | None = Field(
        default=None,
        examples=["logs.hospital.example:6514"],
        description="Collector of audit messages, which get there as syslog over TLS (RFC 5425): `HOST` or "
        "`HOST:PORT`, 6514 where none is given. Default: none, the trail stays in the database.",
    )
    audit_syslog_authorities: Path | None = Field(
        default=None,
        examples=["/etc/firstread/hospital-ca.pem"],
        description="PEM file of the authorities that the collector's certificate must be of. "
        "Default: those of the system.",
    )
    audit_syslog_certificate: Path | None = Field(
        default=None,
        examples=["/etc/firstread/node.pem"],
        description="PEM file of the certificate that is shown to the collector. Default: none is shown.",
    )
    audit_syslog_key: Path | None = Field(
        default=None,
        examples=["/etc/firstread/node.key"],
        description="PEM file of that certificate's key, without a password. Default: in the certificate's file.",
    )
    routes: tuple[dict[str, Any], ...] = Field(
        default=(),
        examples=[
            [{"name": "chest CT", "reader": "lung_nodule", "when": {"modality": "CT", "images": {"min": 40}}}]
        ],
        description="Which readers read what: the tables `[[routes]]`, in the environment as JSON "
        "([routes](../how-to/routes.md)). Default: none, nothing is read by itself.",
    )
    routes_file: Path | None = Field(
        default=None,
        examples=["/etc/firstread/routes.toml"],
        description="TOML file of more routes, asked after those of `routes`; `firstread routes add` writes it. "
        "Default: routes.toml beside `firstread.toml`, where there is one.",
    )
    alerts_file: Path | None = Field(
        default=None,
        examples=["/etc/firstread/alerts.toml"],
        description="TOML file of the site's rules, clocks, chains and channels of critical alerts, over those that "
        "ship ([alerts](../how-to/alerts.md)). Default: alerts.toml beside `firstread.toml`, where there is one.",
    )
    alert_secrets: dict[str, SecretStr] = Field(
        default_factory=dict,
        examples=[{"mail": "PASSWORD"}],
        description="Secrets by the name of the alerts' channel: of email the password, of a webhook the key of its "
        "signature (16 characters or more), of fhir a bearer token or `USER:PASSWORD`. A table, in the environment as "
        "JSON. Default: none.",
    )
    alert_authorities: Path | None = Field(
        default=None,
        examples=["/etc/firstread/hospital-ca.pem"],
        description="PEM file of the authorities whose certificates the alerts' channels may show. "
        "Default: those of the system.",
    )

    prior_source: str | None = Field(
        default=None,
        examples=["pacs"],
        description="DICOM node that priors are fetched from before a study is read: one of `destinations`, or "
        "`AE@HOST:PORT`. Default: none, only what the archive has is compared with.",
    )
    prior_years: int = Field(
        default=5,
        ge=1,
        le=100,
        description="Years before a study within which its priors are fetched. Default: 5.",
    )
    prior_count: int = Field(
        default=1, ge=1, le=20, description="Priors of a study that are fetched, the latest ones. Default: 1."
    )
    prior_retrieve: Literal["get", "move"] = Field(
        default="get",
        description="How priors are fetched: get (C-GET), or move (C-MOVE), for which the peer must know this node and "
        "this node must listen. Default: get.",
    )

    @field_validator("models", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part for part in value.split(os.pathsep) if part) if isinstance(value, str) else value

    @field_validator(
        "api_local_roles",
        "api_trusted_proxies",
        "dicom_callers",
        "dicom_networks",
        "destination_special_addresses",
        mode="before",
    )
    @classmethod
    def _split_at_commas(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        return tuple(part.strip() for part in value.split(",") if part.strip())

    @field_validator("models")
    @classmethod
    def _expand_each(cls, value: tuple[Path, ...]) -> tuple[Path, ...]:
        return tuple(path.expanduser() for path in value)

    @field_validator(
        "cache_dir",
        "data_dir",
        "archive_dir",
        "routes_file",
        "api_tls_certificate",
        "api_tls_key",
        "dicom_tls_certificate",
        "dicom_tls_key",
        "dicom_tls_authorities",
        "destination_authorities",
        "audit_syslog_authorities",
        "audit_syslog_certificate",
        "audit_syslog_key",
        "breached_passwords",
        "oidc_authorities",
        "alerts_file",
        "alert_authorities",
    )
    @classmethod
    def _expand(cls, value: Path | None) -> Path | None:
        return None if value is None else value.expanduser()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take arguments first, then the environment, then files of secrets, then the TOML file."""
        return (
            init_settings,
            env_settings,
            _SecretFiles(settings_cls),
            TomlConfigSettingsSource(settings_cls, config_file()),
        )


class _SecretFiles(PydanticBaseSettingsSource):
    """The secret settings whose files the environment names, as container and service managers hand them over."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Return the setting that its file holds, a table as JSON; None where no file is named."""
        path = os.environ.get(secret_variable(field_name)) if is_secret(field) else None
        if not path:
            return None, field_name, False
        try:
            with open(path, encoding="utf-8") as file:
                content = file.read(_LARGEST_SECRET_BYTES).strip()
            if self.field_is_complex(field):
                content = self.decode_complex_value(field_name, field, content)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is no text, or no JSON"
            raise UsageError(
                f"{path}, the file of the setting {field_name}, cannot be read: {reason}.",
                remedy=f"Correct {secret_variable(field_name)}.",
            ) from None
        return content, field_name, False

    def __call__(self) -> dict[str, Any]:
        """Return the settings that have such a file."""
        values = {
            name: self.get_field_value(field, name)[0]
            for name, field in self.settings_cls.model_fields.items()
        }
        return {name: value for name, value in values.items() if value is not None}


def is_secret(field: FieldInfo) -> bool:
    """Tell whether a setting is one that is never shown."""
    return "SecretStr" in str(field.annotation)


def secret_variable(name: str) -> str:
    """Return the variable that names the file of a secret setting."""
    return f"{PREFIX}{name.upper()}_FILE"


def origins() -> dict[str, str]:
    """Return, for each setting that is not at its default, the variable or the file that it is from."""
    found = {name: str(config_file()) for name in TomlConfigSettingsSource(Settings, config_file())()}
    found |= {name: secret_variable(name) for name in _SecretFiles(Settings)()}
    return found | {name: f"{PREFIX}{name.upper()}" for name in EnvSettingsSource(Settings)()}


def load_settings() -> Settings:
    """Read the settings.

    Raises:
        UsageError: a value is not what the setting takes, or the TOML file cannot be read.
    """
    path = config_file()
    if os.environ.get(f"{PREFIX}CONFIG") and not path.is_file():
        raise UsageError(
            f"The settings file {path} does not exist.", remedy=f"Correct or unset {PREFIX}CONFIG."
        )
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = str(first["loc"][0]) if first["loc"] else "?"
        raise UsageError(
            f"The setting {field} cannot be used: {first['msg']}.",
            remedy=f"Correct {PREFIX}{field.upper()} in the environment or `{field}` in {path}.",
        ) from None
    except SettingsError as error:  # its cause would quote the value
        raise UsageError(f"{error}.", remedy="Write it as JSON.") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(
            f"The settings file {path} cannot be read: {error}.", remedy="Correct it or remove it."
        ) from None
