"""The one typed settings object, read from the environment and an optional TOML file."""

import os
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from firstread.errors import UsageError

Precision = Literal["auto", "f32", "int8"]

PREFIX = "FIRSTREAD_"


def config_file() -> Path:
    """Return the path of the TOML file: FIRSTREAD_CONFIG, else config.toml in the user's config folder."""
    named = os.environ.get(f"{PREFIX}CONFIG")
    return Path(named).expanduser() if named else _home("XDG_CONFIG_HOME", ".config") / "config.toml"


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
        description="Folders that are searched for model packages before the shipped ones; a list, in the "
        "environment separated by colons. Default: none.",
    )
    cache_dir: Path = Field(
        default_factory=lambda: _home("XDG_CACHE_HOME", ".cache"),
        description="Where compiled networks and choices of precision are kept; it may be deleted at any time. "
        "Default: firstread under XDG_CACHE_HOME, `~/.cache/firstread`.",
    )
    data_dir: Path = Field(
        default_factory=lambda: _home("XDG_DATA_HOME", ".local/share"),
        description="Where firstread keeps what must last. "
        "Default: firstread under XDG_DATA_HOME, `~/.local/share/firstread`.",
    )
    threads: int | None = Field(
        default=None,
        ge=1,
        le=1024,
        description="Threads of inference, 1 to 1024. Default: the cores granted to the process.",
    )
    precision: Precision = Field(
        default="auto",
        description="Number format of the networks: auto, f32 or int8. Default: auto, the fastest on this "
        "host of those that passed their accuracy gate; it is measured once and remembered.",
    )

    archive_dir: Path | None = Field(
        default=None,
        description="Folder of the archive: the instances, and the database unless `database_url` names another; it "
        "must be on a disk that keeps what it acknowledges. Default: archive in `data_dir`.",
    )
    database_url: SecretStr | None = Field(
        default=None,
        description="Database of the archive: `postgresql://USER:PASSWORD@HOST/NAME` (needs the extra `postgresql`) or "
        "`sqlite:////FOLDER/FILE`. Default: archive.sqlite in `archive_dir`.",
    )
    instances_url: str | None = Field(
        default=None,
        description="Bucket that holds the instances, `s3://BUCKET/PREFIX` (needs the extra `s3`), for several hosts "
        "without a fast shared folder. Default: none, they are in `archive_dir`.",
    )
    instances_endpoint: str | None = Field(
        default=None,
        description="Address of the object store, `https://HOST:PORT`; with `http://` patients' images and the "
        "signatures of requests travel in the clear. Default: AWS_ENDPOINT_URL, else Amazon's of the region.",
    )
    instances_region: str | None = Field(
        default=None, description="Region of the bucket. Default: AWS_REGION, else us-east-1."
    )
    instances_key_id: str | None = Field(
        default=None,
        description="Access key of the object store. Default: AWS_ACCESS_KEY_ID, else the host's role.",
    )
    instances_key: SecretStr | None = Field(
        default=None,
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
        description="Days after which a study that was read and sent is removed, counted from its last instance. "
        "Default: none, studies are kept.",
    )
    archive_full_percent: int | None = Field(
        default=None,
        ge=1,
        le=99,
        description="Share of the archive's disk, in percent, above which the studies that were read and sent longest "
        "ago are removed until it is 5 points lower. Default: none, studies are kept.",
    )
    study_quiet_s: float = Field(
        default=10.0,
        ge=0.0,
        le=86_400.0,
        description="Seconds without a new image after which a study counts as complete, and is routed. Default: 10.",
    )
    worker_reads: int = Field(
        default=1,
        ge=1,
        le=64,
        description="Reads at once in one worker, each in a process of its own; they share the worker's cores. The same "
        "on all hosts: the worker that started last decides. Default: 1.",
    )
    reads_total: int | None = Field(
        default=None,
        ge=1,
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
    api_allow_remote: bool = Field(
        default=False,
        description="Whether other computers may call the DICOMweb service, which has no access control yet: they may "
        "read and delete everything. Default: false, only this computer may.",
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
        description="Peers that may associate: AE titles, each from anywhere or, as `CT1@10.0.0.0/24`, from one "
        "network; "
        "`any` for everybody. A list, in the environment separated by commas. Default: none, everybody is rejected.",
    )
    dicom_networks: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
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
        description="PEM file of this node's certificate, with its chain; with it the listener speaks TLS only. "
        "Default: none, plain TCP.",
    )
    dicom_tls_key: Path | None = Field(
        default=None,
        description="PEM file of the certificate's key, without a password. Default: in the certificate's file.",
    )
    dicom_tls_authorities: Path | None = Field(
        default=None,
        description="PEM file of the authorities whose certificates are believed; with it every caller must show one. "
        "Default: none, callers need no certificate, and called nodes are checked against the system's authorities.",
    )
    destinations: dict[str, str] = Field(
        default_factory=dict,
        description="DICOM nodes by name: `AE@HOST:PORT`, over TLS `tls:AE@HOST:PORT`. Only to these does C-MOVE send. "
        "A table, in the environment as JSON. Default: none.",
    )

    routes: tuple[dict[str, Any], ...] = Field(
        default=(),
        description="Which readers read what: the tables `[[routes]]`, in the environment as JSON "
        "([routes](../how-to/routes.md)). Default: none, nothing is read by itself.",
    )
    routes_file: Path | None = Field(
        default=None,
        description="TOML file of more routes, asked after those of `routes`; `firstread routes add` writes it. "
        "Default: routes.toml beside `config.toml`, where there is one.",
    )

    @field_validator("models", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part for part in value.split(os.pathsep) if part) if isinstance(value, str) else value

    @field_validator("dicom_callers", "dicom_networks", mode="before")
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
        "dicom_tls_certificate",
        "dicom_tls_key",
        "dicom_tls_authorities",
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
        """Take arguments first, then the environment, then the TOML file."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, config_file())


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
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(
            f"The settings file {path} cannot be read: {error}.", remedy="Correct it or remove it."
        ) from None
