"""The settings of an installation as what the node and its calls take."""

from firstread.errors import UsageError
from firstread.network.acceptance import Acceptance, parse_callers, parse_networks
from firstread.network.node import Listening
from firstread.network.peers import Peer, is_ae_title, named_peer, peers_by_ae_title
from firstread.network.scu import Caller
from firstread.network.tls import LiveContext, TLSFiles, client_context
from firstread.settings import Settings


def listening_of(settings: Settings) -> Listening:
    """Return where and to whom the node of the settings listens.

    Raises:
        UsageError: a setting cannot be used.
    """
    files = _tls_files(settings)
    return Listening(
        ae_title=_ae_title(settings),
        host=settings.dicom_host,
        port=settings.dicom_port,
        acceptance=Acceptance(
            callers=parse_callers(settings.dicom_callers),
            networks=parse_networks(settings.dicom_networks),
            associations=settings.dicom_associations,
            pdu_bytes=settings.dicom_pdu_bytes,
            instance_bytes=settings.dicom_instance_mib << 20,
            memory_bytes=settings.dicom_memory_mib << 20,
            idle_s=settings.dicom_idle_s,
        ),
        destinations=peers_by_ae_title(node_addresses(settings)),
        tls=LiveContext(files) if files.certificate else None,
        quiet_s=settings.study_quiet_s,
        open_s=settings.study_open_s,
        calling_tls=LiveContext(files, client_context) if _calls_over_tls(settings) else None,
    )


def caller_of(settings: Settings) -> Caller:
    """Return what calls other nodes as the settings say."""
    return Caller(_ae_title(settings), client_context(_tls_files(settings)), settings.dicom_idle_s)


def peer_of(settings: Settings, text: str) -> Peer:
    """Return the destination of this name, or the node that is written out as AE@HOST:PORT.

    Raises:
        UsageError: it is neither.
    """
    return named_peer(text, node_addresses(settings))


def node_addresses(settings: Settings) -> dict[str, str]:
    """Return the destinations that are DICOM nodes, as they are written, by name."""
    return {name: each.place for name, each in settings.destinations.items() if each.kind == "dicom"}


def _calls_over_tls(settings: Settings) -> bool:
    return any(text.startswith("tls:") for text in node_addresses(settings).values())


def _ae_title(settings: Settings) -> str:
    if not is_ae_title(settings.dicom_ae_title):
        raise UsageError(
            "dicom_ae_title is no AE title.", remedy="It has 1 to 16 ASCII characters and no backslash."
        )
    return settings.dicom_ae_title.strip()


def _tls_files(settings: Settings) -> TLSFiles:
    return TLSFiles(settings.dicom_tls_certificate, settings.dicom_tls_key, settings.dicom_tls_authorities)
