"""A study that was read, in an archive of the test's own."""

from tests.workflow.reporting.reported import read_folder, reported, settings  # noqa: F401
