"""Ways to tell people and systems: what a site configures of each, and how each sends."""
