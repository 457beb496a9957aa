"""Where instances come from that no peer sent."""

OWN_SOURCE = "result of firstread"
"""Source of what firstread made itself; longer than an AE title, so that no peer can call itself so."""
PRIOR_SOURCE = "fetched as a prior"
"""Source of what firstread fetched to compare with; longer than an AE title too."""
