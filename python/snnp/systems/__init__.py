"""Several chemical systems in one fit: filters in common, φ, network and energies of atoms of their own."""
