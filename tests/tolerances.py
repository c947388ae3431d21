"""How closely results must agree, and why.

Double precision rounds to ε = 1.1e-16. The random potentials of the tests give energies of up to 100 eV per atom (the
repulsive core of atoms 1.2 Å apart) with forces of up to 1000 eV/Å; an atom's energy sums up to a thousand terms.
"""

# Two ways to the same energy differ by some rounding per term of a sum: 100 eV · ε · √1000 ≈ 4e-13, times the network's
# slopes. The bound leaves two orders.
ENERGY = 1e-10  # eV/atom

# Forces and virials are ten times as large and pass through one more product.
FORCE = 1e-9  # eV/Å
VIRIAL = 1e-9  # eV/atom

# Without cores forces are some 10 eV/Å.
KERNEL_FORCE = 1e-11  # eV/Å

# Mixed precision: float rounds to 6e-8. Fitted and random splines alike give forces of some 10 eV/Å by sums over up to
# a thousand triplets.
MIXED_ENERGY = 1e-5  # eV/atom
MIXED_FORCE = 2e-5  # eV/Å
MIXED_FORCE_RMS = 2e-6  # eV/Å

# Sums in another order only.
THREADS = 1e-11  # eV, eV/Å

# Central differences with step h: h²/6 of a third derivative (up to 1e5 eV/Å³ on the core) is 2e-6 and rounding of the
# energy of a cell, 1e3 eV · ε / h ≈ 1e-8.
STEP = 1e-5  # Å, or 1 for strains
DIFFERENCE = 1e-5  # eV/Å
# Derivatives by strain are sums over a few dozen pairs of those by distance, times some Å.
STRAIN_DIFFERENCE = 1e-3  # eV

# Gradients of a loss: relative to the largest component of each parameter; two orders above the forces they come from.
GRADIENT = 1e-9
