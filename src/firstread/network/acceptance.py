"""Who is heard, and how much of anybody is borne: what is not allowed is refused."""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from firstread.errors import UsageError
from firstread.network.peers import is_ae_title

ANY = "any"
Network = IPv4Network | IPv6Network


@dataclass(frozen=True)
class Caller:
    """An AE title that may call, from anywhere or from one network only."""

    ae_title: str
    network: Network | None = None

    def is_heard(self, ae_title: str, address: IPv4Address | IPv6Address) -> bool:
        """Tell whether this entry lets a peer in."""
        return ae_title == self.ae_title and (self.network is None or address in self.network)


@dataclass(frozen=True)
class Acceptance:
    """The rules of a listener; the defaults let nobody in.

    Args:
        callers: Peers that may associate; None: any.
        networks: From where a connection is taken at all; empty: from everywhere. Others are cut off unheard.
        associations: So many at once; one more is rejected for now.
        pdu_bytes: Largest PDU that is offered to peers.
        instance_bytes: Largest message; an association that sends a larger one is aborted.
        memory_bytes: Messages under way of all associations together; whoever would go beyond is aborted.
        idle_s: Seconds after which a silent or a trickling peer is cut off.
    """

    callers: tuple[Caller, ...] | None = ()
    networks: tuple[Network, ...] = ()
    associations: int = 50
    pdu_bytes: int = 131_072
    instance_bytes: int = 1 << 30
    memory_bytes: int = 2 << 30
    idle_s: float = 60.0

    def is_connected(self, host: str) -> bool:
        """Tell whether a connection from this address is taken."""
        return not self.networks or any(plain_address(host) in network for network in self.networks)

    def is_heard(self, ae_title: str, host: str) -> bool:
        """Tell whether a peer may associate."""
        if self.callers is None:
            return True
        return any(caller.is_heard(ae_title.strip(), plain_address(host)) for caller in self.callers)


def parse_callers(entries: tuple[str, ...]) -> tuple[Caller, ...] | None:
    """Return those whom entries such as CT1 or CT1@10.0.0.0/24 let in; None where one of them is "any".

    Raises:
        UsageError: an entry is neither.
    """
    if ANY in entries:
        return None
    return tuple(_caller(entry) for entry in entries)


def parse_networks(entries: tuple[str, ...]) -> tuple[Network, ...]:
    """Return networks such as 10.0.0.0/24, or single addresses.

    Raises:
        UsageError: an entry is none.
    """
    return tuple(_network(entry) for entry in entries)


def _caller(entry: str) -> Caller:
    ae_title, at, network = entry.partition("@")
    if not is_ae_title(ae_title):
        raise UsageError(
            f"{entry[:64]!r} names no AE title that may call.",
            remedy="Write AE or AE@NETWORK in the setting dicom_callers, or any.",
        )
    return Caller(ae_title.strip(), _network(network) if at else None)


def _network(entry: str) -> Network:
    try:
        return ip_network(entry.strip(), strict=False)
    except ValueError:
        raise UsageError(
            f"{entry[:64]!r} is no network.", remedy="Write an address or, for example, 10.0.0.0/24."
        ) from None


def plain_address(host: str) -> IPv4Address | IPv6Address:
    """Return an address in its one form: without a zone, and of IPv4 where it is that.

    Raises:
        ValueError: it is none.
    """
    address = ip_address(host.partition("%")[0])
    # A socket of both families shows an IPv4 peer as ::ffff:10.0.0.5.
    return (getattr(address, "ipv4_mapped", None) or address) if address.version == 6 else address
