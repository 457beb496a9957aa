"""The path of a study through firstread."""
