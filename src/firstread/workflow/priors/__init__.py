"""Priors: the earlier study of the same patient that a study is compared with, here or fetched from a PACS."""

from firstread.workflow.priors.earlier import find_prior, unread_prior
from firstread.workflow.priors.fetch import fetch_priors

__all__ = ["fetch_priors", "find_prior", "unread_prior"]
