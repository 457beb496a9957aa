"""Routes: which readers read a study, how urgently, and where the results go. No rule, no read."""

from firstread.workflow.routes.decide import Check, Decision, PlannedExport, PlannedRead, Verdict, decide
from firstread.workflow.routes.facts import SeriesFacts, StudyFacts
from firstread.workflow.routes.gather import facts_of, facts_of_folder
from firstread.workflow.routes.load import load_routes
from firstread.workflow.routes.route import Conditions, Priority, Route

__all__ = [
    "Check",
    "Conditions",
    "Decision",
    "PlannedExport",
    "PlannedRead",
    "Priority",
    "Route",
    "SeriesFacts",
    "StudyFacts",
    "Verdict",
    "decide",
    "facts_of",
    "facts_of_folder",
    "load_routes",
]
