"""A synthetic chest CT with its ground truth: what `make demo` reads and tests use."""

from firstread.phantom.make import Phantom, make_phantom
from firstread.phantom.nodule_spec import DEFAULT_NODULES, NoduleSpec, parse_nodules
from firstread.phantom.patient import Patient
from firstread.phantom.truth import NoduleTruth, PhantomTruth

__all__ = [
    "DEFAULT_NODULES",
    "NoduleSpec",
    "NoduleTruth",
    "Patient",
    "Phantom",
    "PhantomTruth",
    "make_phantom",
    "parse_nodules",
]
