"""Readers: one package a kind of reading, found through the entry-point group `firstread.readers`."""
