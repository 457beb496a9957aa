"""pydicom's remarks go to the debug log, without values."""

import logging
import warnings

import pytest

from firstread.dicom.quiet import quiet


def test_warnings_become_debug_lines_without_values(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "firstread.dicom"), quiet():
        warnings.warn("value is Test^Synthetic", UserWarning, stacklevel=1)
        logging.getLogger("pydicom").warning("value is Test^Synthetic")
    assert len(caplog.records) == 2
    assert "Synthetic" not in caplog.text


def test_everything_is_as_before_afterwards() -> None:
    logger = logging.getLogger("pydicom")
    before = (list(logger.handlers), logger.propagate, warnings.showwarning, list(warnings.filters))
    with quiet(), quiet():
        pass
    assert (list(logger.handlers), logger.propagate, warnings.showwarning, list(warnings.filters)) == before
