"""What a site says about alerts: rules, clocks, chains and channels, in one file beside the shipped ones."""

import tomllib
from collections.abc import Mapping
from functools import cache, lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)

from firstread.alerts.models import LEVELS, Level
from firstread.alerts.rules import Name, Rule, Texts
from firstread.destinations import is_safe_url, is_this_computer
from firstread.errors import UsageError
from firstread.settings import Settings, config_file

WEB = "web"
"""The channel that every installation has: the browsers of those who may acknowledge."""

LARGEST_FILE = 1 << 20
_RECIPIENT = (
    r"^(anyone|referring|role:[a-z_]{1,64}(@.{1,64})?|account:[^\s:]{1,64}|email:[^\s@]{1,64}@[^\s@]{1,255})$"
)

Recipient = Annotated[str, StringConstraints(pattern=_RECIPIENT)]
Minutes = Annotated[float, Field(gt=0, le=43_200)]


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Clocks(_Value):
    """Minutes within which an alert of each level is to be acknowledged."""

    minutes: Minutes = 60
    hours: Minutes = 720
    days: Minutes = 4320

    def of(self, level: Level) -> float:
        """Return the minutes of a level."""
        return {"minutes": self.minutes, "hours": self.hours, "days": self.days}[level]


class Step(_Value):
    """Whom to tell next, by which channels, and for how many minutes to wait for one of them to acknowledge.

    `to`: anyone (who may acknowledge it, in the browser), referring (the physician whom DICOM names), role:NAME or
    role:NAME@DEPARTMENT, account:NAME, email:ADDRESS. All `channels` are used at once; `otherwise` are used in turn,
    for whom one of them failed.
    """

    to: tuple[Recipient, ...] = Field(default=(), max_length=50)
    channels: Texts
    otherwise: Texts = ()
    minutes: Minutes

    @field_validator("to", mode="before")
    @classmethod
    def _listed(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value


class Chain(_Value):
    """Steps, one after the other until somebody acknowledges.

    Args:
        levels: Of which alerts.
        departments: Only of studies of these; none: of all. The first chain that fits is taken.
        until: Roles whose acknowledgement stops the clock; none: anybody's.
    """

    name: Name
    levels: tuple[Level, ...] = LEVELS
    departments: Texts = ()
    until: Texts = ()
    steps: tuple[Step, ...] = Field(min_length=1, max_length=20)


class Email(_Value):
    """Mail by SMTP. `security`: starttls, tls (from the first byte), or none, to this computer alone.

    `names_patient`: whether the mail may name patient and finding; else it says that there is an alert, and where.
    `when_uncertain`: what to do where a process ended between the mail's last byte and the note that it was taken:
    fall through (the default; never twice, another channel is used) or send again (perhaps twice).
    """

    kind: Literal["email"]
    host: str
    port: int = Field(default=587, ge=1, le=65535)
    security: Literal["starttls", "tls", "none"] = "starttls"
    sender: Annotated[str, StringConstraints(pattern=r"^[^\s@<>]+@[^\s@<>]+$")]
    user: str | None = None
    names_patient: bool = False
    when_uncertain: Literal["fall through", "send again"] = "fall through"
    timeout_s: float = Field(default=20, gt=0, le=300)

    @model_validator(mode="after")
    def _check(self) -> "Email":
        if self.security == "none" and not is_this_computer(self.host):
            raise ValueError("without TLS mail goes to this computer alone")
        return self


class Webhook(_Value):
    """A URL that takes signed events, as those of destinations."""

    kind: Literal["webhook"]
    url: str

    @field_validator("url")
    @classmethod
    def _safe(cls, value: str) -> str:
        return _checked_url(value)


class Hl7(_Value):
    """A system that takes HL7 v2 ORU^R01 over MLLP; without TLS it is this computer, or `insecure` says so."""

    kind: Literal["hl7"]
    host: str
    port: int = Field(default=2575, ge=1, le=65535)
    tls: bool = True
    insecure: bool = False
    application: Annotated[str, StringConstraints(max_length=180)] = ""
    facility: Annotated[str, StringConstraints(max_length=180)] = ""
    timeout_s: float = Field(default=20, gt=0, le=300)

    @model_validator(mode="after")
    def _check(self) -> "Hl7":
        if not self.tls and not self.insecure and not is_this_computer(self.host):
            raise ValueError(
                "without tls the message travels in the clear; say insecure = true if the network is safe"
            )
        return self


class Fhir(_Value):
    """A FHIR R4 server that takes the Communication and the Task of an alert; `url` is its base."""

    kind: Literal["fhir"]
    url: str

    @field_validator("url")
    @classmethod
    def _safe(cls, value: str) -> str:
        return _checked_url(value).rstrip("/")


Channel = Annotated[Email | Webhook | Hl7 | Fhir, Field(discriminator="kind")]


class Configuration(_Value):
    """Rules in their order, clocks, chains and channels of an installation."""

    clocks: Clocks = Clocks()
    rules: tuple[Rule, ...] = ()
    chains: tuple[Chain, ...] = ()
    channels: dict[Name, Channel] = Field(default_factory=dict)
    close_after_hours: float = Field(default=24, gt=0, le=8760)

    def chain_of(self, level: Level, department: str = "") -> Chain:
        """Return the first chain that fits; every level has one."""
        return next(
            chain
            for chain in self.chains
            if level in chain.levels and (not chain.departments or department in chain.departments)
        )

    def chain_named(self, name: str, level: Level, department: str = "") -> Chain:
        """Return the chain that an alert began with, or the one that its level has now where a site removed it."""
        return next((chain for chain in self.chains if chain.name == name), None) or self.chain_of(
            level, department
        )


class _Site(_Value):
    """What a site's file may say."""

    shipped: bool = True
    disable: Texts = ()
    clocks: dict[Level, Minutes] = Field(default_factory=dict)
    rules: tuple[Rule, ...] = ()
    chains: tuple[Chain, ...] = ()
    channels: dict[Name, Channel] = Field(default_factory=dict)
    close_after_hours: float = 24


@cache
def shipped() -> Configuration:
    """Return what ships."""
    text = files("firstread.alerts").joinpath("shipped.toml").read_text(encoding="utf-8")
    return Configuration.model_validate(tomllib.loads(text))


def alerts_file(settings: Settings) -> Path:
    """Return the site's file: `alerts_file`, else alerts.toml beside the settings."""
    return settings.alerts_file or config_file().parent / "alerts.toml"


def load_configuration(settings: Settings) -> Configuration:
    """Return what holds: the shipped rules as the site's file changes them, as it is now.

    Raises:
        UsageError: the file cannot be used; the message names the key.
    """
    path = alerts_file(settings)
    if settings.alerts_file is None and not path.is_file():
        return shipped()
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_FILE + 1)
        if len(content) > LARGEST_FILE:
            raise UsageError(f"{path} is larger than 1 MiB.", remedy="That is no file of alerts.")
        return _parsed(content.decode("utf-8"), path)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise UsageError(
            f"The alerts in {path} cannot be read: {reason}.", remedy="Correct alerts_file."
        ) from None


@lru_cache(maxsize=4)
def _parsed(text: str, path: Path) -> Configuration:
    return parse_configuration(text, path)


def parse_configuration(text: str, path: Path) -> Configuration:
    """Return what a site's text in TOML makes of the shipped rules; `path` is for the message.

    A rule or chain of a name that ships takes its place; others come first.

    Raises:
        UsageError: it cannot be used; the message names the key.
    """
    try:
        site = _Site.model_validate(tomllib.loads(text))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise UsageError(f"{path} is no TOML: {error}.", remedy="Correct the file.") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        reason = first["msg"].removeprefix("Value error, ")
        raise UsageError(f"{path} cannot be used: {key}: {reason}.", remedy="Correct it.") from None
    made = _over_shipped(site)
    _check(made, site, path)
    return made


def _over_shipped(site: _Site) -> Configuration:
    base = shipped() if site.shipped else Configuration()
    return Configuration(
        clocks=base.clocks.model_copy(update={str(level): minutes for level, minutes in site.clocks.items()}),
        rules=tuple(rule for rule in over(base.rules, site.rules) if rule.name not in site.disable),
        # A level without a chain of the site's has the shipped one, whatever else the site does without.
        chains=over(shipped().chains, site.chains),
        channels=site.channels,
        close_after_hours=site.close_after_hours,
    )


def over(base: tuple[Any, ...], own: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return what has names with others over it: of a name that is known in its place, else before all."""
    names = {each.name for each in own}
    known = {each.name for each in base}
    new = [each for each in own if each.name not in known]
    by_name = {each.name: each for each in own}
    return (*new, *(by_name[each.name] if each.name in names else each for each in base))


def _check(made: Configuration, site: _Site, path: Path) -> None:
    def unusable(key: str, reason: str) -> UsageError:
        return UsageError(f"{path} cannot be used: {key}: {reason}.", remedy="Correct it.")

    for kind, each in (("rules", made.rules), ("chains", made.chains)):
        names = [named.name for named in each]
        if len(set(names)) != len(names):
            raise unusable(kind, "two have the same name")
    if unknown := set(site.disable) - {rule.name for rule in (*shipped().rules, *site.rules)}:
        raise unusable("disable", f"there is no rule {min(unknown)!r}")
    if WEB in made.channels:
        raise unusable("channels", f"{WEB} is the browsers' own name")
    for chain in made.chains:
        for number, step in enumerate(chain.steps, start=1):
            for name in (*step.channels, *step.otherwise):
                if name != WEB and name not in made.channels:
                    raise unusable(f"chain {chain.name}, step {number}", f"there is no channel {name!r}")
    for level in LEVELS:
        if not any(level in chain.levels and not chain.departments for chain in made.chains):
            raise unusable("chains", f"no chain without departments is for {level}")


def describe(configuration: Configuration) -> Mapping[str, Any]:
    """Return a configuration as JSON; it holds no secrets."""
    return configuration.model_dump(mode="json", exclude_none=True, exclude_defaults=True)


def _checked_url(value: str) -> str:
    if not is_safe_url(value):
        raise ValueError("its URL is not https; http reaches this computer alone")
    return value
