"""`firstread serve`: the node, run until it is told to stop."""

import json
import logging
import os
import sys
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from firstread.errors import UsageError
from firstread.service.roles import Role, roles_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from firstread.service.service import Service
    from firstread.settings import Settings

_log = logging.getLogger("firstread.service")
_LOOK_EVERY_S = 60.0

Instances = Annotated[
    str | None,
    typer.Option(
        metavar="auto|N",
        help="Instances of the engine in the worker, each on cores and with memory of its own; auto: one a NUMA "
        "node. Default: the setting worker_instances.",
        show_default=False,
    ),
]
AsJson = Annotated[
    bool, typer.Option("--json", help="Say what runs, and where, as one line of JSON on standard output.")
]
Quiet = Annotated[bool, typer.Option("--quiet", help="Log nothing but warnings and errors.")]


def serve(
    role: Annotated[
        list[Role] | None,
        typer.Option(
            "--role",
            help="What this process does; may be given several times. scp: receive DICOM and answer queries; api: "
            "DICOMweb; worker: read what a route names, and deliver. Default: all.",
            show_default=False,
        ),
    ] = None,
    instances: Instances = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Run the node until SIGTERM or Ctrl-C: receive studies, read those that a route names, send the results back.

    While there is no account, a link that works once makes the first administrator: it is in the file
    first-login-link in the archive's folder, and on the terminal where there is one.

    Nobody may associate before the setting dicom_callers lists them, and nothing is read before there is a route.
    What is acknowledged is on the disk and in the database. When it is told to stop it takes nothing new, and what is
    under way gets the setting stop_grace_s; a read that has not ended then waits for the next start. A second signal
    ends it at once; nothing that was acknowledged is lost. SIGHUP has it look at once whether a certificate is new.

    \b
    Examples
      firstread serve
      FIRSTREAD_DICOM_CALLERS=CT1,PACS@10.0.0.5 FIRSTREAD_DICOM_HOST=0.0.0.0 firstread serve
      firstread serve --role scp --role api
      firstread serve --role worker --instances auto   (or firstread worker --instances auto)

    Exit codes: 0 stopped, 2 a setting cannot be used or a port is taken, 5 the archive is away.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    import resource

    from firstread.dicom.quiet import quiet as pydicom_quiet
    from firstread.logs import configure_logs
    from firstread.service.service import Service
    from firstread.service.signals import StopSignals
    from firstread.service.systemd import notify
    from firstread.settings import load_settings

    settings = load_settings()
    roles = roles_of(role or ())
    if instances is not None:
        if Role.WORKER not in roles:
            raise UsageError(
                "Only a worker has instances.", remedy="Add --role worker, or leave --instances out."
            )
        settings = settings.model_copy(update={"worker_instances": _instances(instances)})
    configure_logs(settings.log_format, "warning" if quiet else settings.log_level)
    # Each association has three files open; the usual limit of 1024 is for programs that call select.
    _, most_files = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most_files, most_files))
    # pydicom's remarks on what peers send quote it.
    with StopSignals() as signals, pydicom_quiet():
        service = Service(settings, roles, is_stopping=lambda: signals.asked)
        try:
            _tell(service, settings)
            if as_json:
                print(json.dumps(service.facts()), flush=True)
            signals.on_hangup = service.renew
            notify("READY=1")
            _watch(service, signals.wait)
        finally:
            notify("STOPPING=1")
            _log.info("stopping; what is under way gets %g seconds", settings.stop_grace_s)
            ended = service.stop(settings.stop_grace_s)
            _log.info("stopped")
        if not ended:
            os._exit(0)  # Python would wait for the threads that were left behind


def worker(instances: Instances = None, as_json: AsJson = False, quiet: Quiet = False) -> None:
    """Run a worker until SIGTERM or Ctrl-C: read what a route names, and deliver. Short for serve --role worker.

    Workers join and leave at any time; those of several hosts need the database and the instance store in common. Which
    cores each instance would have is what `firstread doctor` says.

    \b
    Examples
      firstread worker
      firstread worker --instances auto

    Exit codes: 0 stopped, 2 a setting cannot be used or a port is taken, 5 the archive is away.
    """  # noqa: D301 - \b is typer's mark for lines that stay as they are
    serve([Role.WORKER], instances, as_json=as_json, quiet=quiet)


def _instances(told: str) -> int | Literal["auto"]:
    """Read --instances."""
    if told == "auto":
        return "auto"
    if told.isascii() and told.isdigit() and 1 <= int(told) <= 64:
        return int(told)
    raise UsageError(f"{told} is no number of instances.", remedy="Give auto, or a number from 1 to 64.")


def _watch(service: "Service", wait: "Callable[[float | None], bool]") -> None:
    """Wait for the signal to stop; look meanwhile whether every part answers, and tell systemd so."""
    from firstread.service.systemd import notify, watchdog_s

    every = watchdog_s() or _LOOK_EVERY_S
    while not wait(every):
        if service.alive():
            notify("WATCHDOG=1")
        else:
            _log.error("a part of this process does not answer; start it again")


def _tell(service: "Service", settings: "Settings") -> None:
    """Say what runs, where, and what it lacks."""
    from firstread.access.gate import is_loopback

    facts = service.facts()
    if "port" in facts:
        _log.info("%s listens for DICOM on %s port %d", facts["ae_title"], facts["host"], facts["port"])
        if not settings.dicom_callers:
            _log.warning("nobody may associate yet: list them in the setting dicom_callers")
    if "api" in facts:
        _log.info("DICOMweb: %(scheme)s://%(host)s:%(port)d/dicom-web", facts["api"])
        public = settings.public_url
        is_clear = facts["api"]["scheme"] == "http" and (public is None or public.scheme != "https")
        if is_clear and not is_loopback(settings.api_host):
            _log.warning("passwords and images travel in the clear: set api_tls_certificate or public_url")
        if (first := service.first_link()) is not None:
            url, file = first
            _log.info("there is no account yet: the link in %s makes the first administrator, once", file)
            if sys.stderr.isatty():
                print(url, file=sys.stderr)
    if checks := facts.get("api") or facts.get("health"):
        _log.info("health: %(scheme)s://%(host)s:%(port)d/health/ready", checks)
    if "worker" in facts:
        from firstread.alerts import load_configuration
        from firstread.alerts.channels.senders import unusable_channels
        from firstread.workflow.deliveries import unusable_destinations

        if facts["routes"]:
            _log.info("routes: %s", ", ".join(facts["routes"]))
        else:
            _log.warning("no route: nothing will be read; see docs/how-to/routes.md")
        if facts["destinations"]:
            _log.info("destinations: %s", ", ".join(facts["destinations"]))
            for name, wrong in unusable_destinations(settings).items():
                _log.warning("nothing can be delivered to %s: %s", name, wrong)
        else:
            _log.warning("no destination: results stay here; see docs/how-to/deliver-results.md")
        for name, wrong in unusable_channels(load_configuration(settings), settings).items():
            _log.warning("no alert can be sent by %s: %s", name, wrong)
