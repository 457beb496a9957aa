"""Critical alerts: raised with the result, told along a chain until somebody acknowledges, never lost nor doubled."""

from firstread.alerts.configuration import Configuration, load_configuration
from firstread.alerts.queries import open_for
from firstread.alerts.raising import raise_for
from firstread.alerts.site_rules import configuration_now

__all__ = ["Configuration", "configuration_now", "load_configuration", "open_for", "raise_for"]
