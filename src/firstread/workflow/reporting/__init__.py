"""The report of a study: it grows out of the AI's findings that stand, a person edits and signs it."""
