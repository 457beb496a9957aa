"""The transfer syntaxes that can be read, and how each one's pixels are packed (PS3.5 chapter 10)."""

from dataclasses import dataclass
from typing import Literal

Packing = Literal["native", "rle", "jpeg", "jpeg-lossless", "jpeg-ls", "jpeg-2000", "htj2k"]

IMPLICIT_LITTLE = "1.2.840.10008.1.2"
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
DEFLATED = "1.2.840.10008.1.2.1.99"
EXPLICIT_BIG = "1.2.840.10008.1.2.2"


@dataclass(frozen=True)
class TransferSyntax:
    """One encoding of an object: how its pixels are packed, its byte order and whether VRs are written."""

    name: str
    packing: Packing
    big_endian: bool = False
    explicit: bool = True
    lossy: bool = False


TRANSFER_SYNTAXES: dict[str, TransferSyntax] = {
    IMPLICIT_LITTLE: TransferSyntax("Implicit VR Little Endian", "native", explicit=False),
    EXPLICIT_LITTLE: TransferSyntax("Explicit VR Little Endian", "native"),
    DEFLATED: TransferSyntax("Deflated Explicit VR Little Endian", "native"),
    EXPLICIT_BIG: TransferSyntax("Explicit VR Big Endian", "native", big_endian=True),
    "1.2.840.10008.1.2.4.50": TransferSyntax("JPEG Baseline", "jpeg", lossy=True),
    "1.2.840.10008.1.2.4.51": TransferSyntax("JPEG Extended", "jpeg", lossy=True),
    "1.2.840.10008.1.2.4.57": TransferSyntax("JPEG Lossless", "jpeg-lossless"),
    "1.2.840.10008.1.2.4.70": TransferSyntax("JPEG Lossless, first order", "jpeg-lossless"),
    "1.2.840.10008.1.2.4.80": TransferSyntax("JPEG-LS Lossless", "jpeg-ls"),
    "1.2.840.10008.1.2.4.81": TransferSyntax("JPEG-LS Near-lossless", "jpeg-ls", lossy=True),
    "1.2.840.10008.1.2.4.90": TransferSyntax("JPEG 2000 Lossless", "jpeg-2000"),
    "1.2.840.10008.1.2.4.91": TransferSyntax("JPEG 2000", "jpeg-2000", lossy=True),
    "1.2.840.10008.1.2.4.201": TransferSyntax("HTJ2K Lossless", "htj2k"),
    "1.2.840.10008.1.2.4.202": TransferSyntax("HTJ2K Lossless RPCL", "htj2k"),
    "1.2.840.10008.1.2.4.203": TransferSyntax("HTJ2K", "htj2k", lossy=True),
    "1.2.840.10008.1.2.5": TransferSyntax("RLE Lossless", "rle"),
}
