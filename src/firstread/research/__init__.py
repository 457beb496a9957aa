"""Research projects: studies without their patients, under pseudonyms that only the project's key explains."""
