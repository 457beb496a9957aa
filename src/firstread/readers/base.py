"""What a reader is: a pure function of a study and an engine."""

from typing import Protocol

from firstread.dicom.series import Series, Study
from firstread.engine import Engine
from firstread.findings import ReadResult
from firstread.progress import Progress, silent


class Reader(Protocol):
    """One kind of reading, found through the entry-point group `firstread.readers`.

    A reader touches no database, network or web page; what it returns depends only on its arguments.
    """

    name: str
    version: str

    def accepts(self, series: Series) -> bool:
        """Tell whether this reader could read the series, from its headers alone."""
        ...

    def read(
        self,
        study: Study,
        engine: Engine,
        *,
        prior: ReadResult | None = None,
        progress: Progress = silent,
    ) -> ReadResult:
        """Read the best series of the study.

        Raises:
            NothingReadable: no series of the study is for this reader.
            RefusedInput: a series is, but reading it would not be safe.
            Cancelled: raised by `progress`, passed on.
        """
        ...
