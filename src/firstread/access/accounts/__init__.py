"""Accounts of people and programs: how they prove who they are, and for how long that holds."""
