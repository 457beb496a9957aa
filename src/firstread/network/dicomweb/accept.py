"""What a client wants: the Accept header and the query parameter of the same name (PS3.18 section 8.7)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

_PARAMETER = re.compile(r';\s*([\w.-]+)\s*=\s*("[^"]*"|[^;,\s]*)')
_RANGES = re.compile(r'(?:"[^"]*"|[^,"])+')
_LONGEST = 4096
_MOST = 32


@dataclass(frozen=True)
class MediaRange:
    """One media range: type/subtype in lower case, its parameters, and its weight from 0 to 1."""

    name: str
    parameters: dict[str, str] = field(default_factory=dict)
    weight: float = 1.0

    @property
    def transfer_syntax(self) -> str:
        """The transfer syntax that is asked for; * for the stored one, "" where none is named."""
        return self.parameters.get("transfer-syntax", "")

    def covers(self, name: str) -> bool:
        """Tell whether a media type is one of this range."""
        return self.name in (name, "*/*") or self.name == f"{name.partition('/')[0]}/*"


def accepted(header: str, query: str = "") -> list[MediaRange]:
    """Return the media ranges, the most wanted first; the query parameter takes the place of the header.

    A multipart/related range is told by its `type`: the name is "multipart/related; " and that type.
    """
    ranges = []
    for text in _RANGES.findall((query or header or "*/*")[:_LONGEST])[:_MOST]:
        name = text.partition(";")[0].strip().lower()
        parameters = {key.lower(): value.strip('"') for key, value in _PARAMETER.findall(text)}
        if not name:
            continue
        if name == "multipart/related":
            name = f"multipart/related; {parameters.get('type', '*/*').lower()}"
        try:
            weight = float(parameters.pop("q", "1"))
        except ValueError:
            weight = 0.0
        if weight > 0:
            ranges.append(MediaRange(name, parameters, weight))
    return sorted(ranges, key=lambda one: -one.weight)


def choose(ranges: Sequence[MediaRange], offered: Sequence[str]) -> tuple[str, MediaRange] | None:
    """Return what is offered and wanted most, with the range that wanted it; None where nothing is.

    Args:
        ranges: From `accepted`.
        offered: Media types, the preferred first; a multipart one as "multipart/related; TYPE".
    """
    for wanted in ranges:
        for name in offered:
            if name.startswith("multipart/related; ") and wanted.name.startswith("multipart/related; "):
                inner = MediaRange(wanted.name.partition("; ")[2])
                if inner.covers(name.partition("; ")[2]):
                    return name, wanted
            elif wanted.covers(name) or (wanted.name == "*/*"):
                return name, wanted
    return None
