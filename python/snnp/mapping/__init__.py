"""Atomic energies: what the data say about them, how well a potential splits energies among atoms, how sure that is."""
