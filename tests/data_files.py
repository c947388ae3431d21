"""Writers of labelled structures in the formats of other programs, written without a look at the readers.

Each is given frames with energy in eV, forces in eV/Å and stress in eV/Å³ (ASE's sign and order, all six different).
"""

import json

import numpy as np
from ase import Atoms
from ase.units import Bohr, GPa, Hartree


class Labelled:
    """A structure with labels that mean nothing, so that only reading is tested."""

    def __init__(self, seed, symbols="InPPInP"):
        rng = np.random.default_rng(seed)
        cell = 6.0 * np.eye(3) + rng.uniform(-0.4, 0.4, (3, 3))
        grid = np.array([[i, j, k] for i in (0, 0.5) for j in (0, 0.5) for k in (0, 0.5)])
        n = len(Atoms(symbols))
        self.atoms = Atoms(symbols, grid[:n] @ cell + rng.uniform(-0.2, 0.2, (n, 3)), cell=cell, pbc=True)
        self.energy = float(-3.0 * n + rng.normal())
        self.forces = rng.normal(size=(n, 3))
        self.stress = rng.normal(scale=0.02, size=6)

    @property
    def virial(self):
        """−V σ as xx yy zz yz xz xy, eV."""
        return -self.atoms.get_volume() * self.stress

    def matrix(self, six):
        xx, yy, zz, yz, xz, xy = six
        return np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]])


def frames(n=4, symbols="InPPInP"):
    return [Labelled(seed, symbols) for seed in range(n)]


def row(numbers):
    return " ".join(repr(float(x)) for x in np.ravel(numbers))


def extxyz(labelled, **keys):
    """Text of extended XYZ with stress as nine numbers; keys: more of the comment line."""
    more = "".join(f" {name}={value}" for name, value in keys.items())
    lines = []
    for f in labelled:
        lines.append(str(len(f.atoms)))
        lines.append(
            f'Lattice="{row(f.atoms.cell.array)}" Properties=species:S:1:pos:R:3:forces:R:3 energy={f.energy!r} '
            f'stress="{row(f.matrix(f.stress))}" pbc="T T T"{more}'
        )
        lines += [
            f"{symbol} {row(position)} {row(force)}"
            for symbol, position, force in zip(f.atoms.symbols, f.atoms.positions, f.forces, strict=True)
        ]
    return "\n".join(lines) + "\n"


def nep(labelled):
    """train.xyz of NEP: small letters, `force`, virial of nine numbers in eV."""
    text = extxyz(labelled).replace("Lattice", "lattice").replace("Properties", "properties")
    text = text.replace(":forces:", ":force:")
    lines = text.splitlines()
    for f, start in zip(labelled, range(0, len(lines), len(labelled[0].atoms) + 2), strict=True):
        before, _, after = lines[start + 1].partition("stress=")
        lines[start + 1] = f'{before}virial="{row(f.matrix(f.virial))}" {after.split(chr(34), 2)[2]}'
    return "\n".join(lines) + "\n"


def mtp(labelled, types, order=("xx", "yy", "zz", "yz", "xz", "xy"), direct=False):
    """*.cfg of MLIP: PlusStress, the virial in eV."""
    lines = []
    for f in labelled:
        index = [("xx", "yy", "zz", "yz", "xz", "xy").index(name) for name in order]
        positions = f.atoms.get_scaled_positions(wrap=False) if direct else f.atoms.positions
        kind = "direct" if direct else "cartes"
        lines += ["BEGIN_CFG", " Size", f"    {len(f.atoms)}", " Supercell", *(f"   {row(v)}" for v in f.atoms.cell)]
        lines.append(f" AtomData:  id type {kind}_x {kind}_y {kind}_z fx fy fz")
        lines += [
            f"   {n + 1} {types.index(a.symbol)} {row(position)} {row(force)}"
            for n, (a, position, force) in enumerate(zip(f.atoms, positions, f.forces, strict=True))
        ]
        lines += [" Energy", f"    {f.energy!r}", f" PlusStress:  {'  '.join(order)}", f"    {row(f.virial[index])}"]
        lines += [" Feature   EFS_by       VASP", "END_CFG", ""]
    return "\n".join(lines)


def n2p2(labelled, comment="", energy_unit=1.0, length_unit=1.0):
    """input.data of n2p2."""
    lines = []
    for f in labelled:
        lines += ["begin", f"comment {comment}", *(f"lattice {row(v / length_unit)}" for v in f.atoms.cell.array)]
        lines += [
            f"atom {row(a.position / length_unit)} {a.symbol} 0.0 0.0 {row(force * length_unit / energy_unit)}"
            for a, force in zip(f.atoms, f.forces, strict=True)
        ]
        lines += [f"energy {f.energy / energy_unit!r}", "charge 0.0", "end"]
    return "\n".join(lines) + "\n"


ATOMIC_UNITS = {"energy_unit": Hartree, "length_unit": Bohr}


def ml_ab(labelled):
    """ML_AB of VASP: stress in kbar, positive under compression; atoms sorted by element."""
    ruler, thin, thick = "*" * 50, "-" * 50, "=" * 50
    out = [" 1.0 Version", ruler, "     The number of configurations", thin, f"{len(labelled):10d}", ruler]
    out += ["     The maximum number of atom type", thin, "       2", ruler]
    out += ["     Basis set for In", thin, "  1  1", ruler]

    def block(title, content, last=thick):
        out.extend([f"     {title}", thin, *content, last])

    for n, f in enumerate(labelled):
        kinds = list(dict.fromkeys(f.atoms.symbols))
        order = np.concatenate([np.flatnonzero(f.atoms.symbols == kind) for kind in kinds])
        kbar = -f.stress / (0.1 * GPa)
        out += [f"     Configuration num. {n + 1:6d}", thick]
        block("System name", ["     unknown"])
        block("The number of atom types", [f"     {len(kinds)}"])
        block("The number of atoms", [f"     {len(f.atoms)}"], ruler)
        block("Atom types and atom numbers", [f"     {k} {sum(f.atoms.symbols == k)}" for k in kinds])
        block("CTIFOR", ["   0.002"])
        block("Primitive lattice vectors (ang.)", [f"  {row(v)}" for v in f.atoms.cell])
        block("Atomic positions (ang.)", [f"  {row(v)}" for v in f.atoms.positions[order]])
        block("Total energy (eV)", [f"  {f.energy!r}"])
        block("Forces (eV ang.^-1)", [f"  {row(v)}" for v in f.forces[order]])
        out += ["     Stress (kbar)", thin, "     XX YY ZZ", thin, f"  {row(kbar[:3])}", thin]
        out += ["     XY YZ ZX", thin, f"  {row(kbar[[5, 3, 4]])}", ruler]
    return "\n".join(out) + "\n"


def fitsnap(f, style="bar"):
    """A JSON file of FitSNAP: pressure tensor in bar or kB, a comment in the first line."""
    unit = {"bar": 1e-4 * GPa, "kB": 0.1 * GPa}[style]
    data = {
        "Positions": f.atoms.positions.tolist(),
        "Energy": f.energy,
        "AtomTypes": list(f.atoms.symbols),
        "Lattice": f.atoms.cell.array.tolist(),
        "NumAtoms": len(f.atoms),
        "Forces": f.forces.tolist(),
        "Stress": (-f.matrix(f.stress) / unit).tolist(),
    }
    dataset = {"Data": [data], "EnergyStyle": "electronvolt", "StressStyle": style, "LatticeStyle": "angstrom"}
    return "# file\n" + json.dumps({"Dataset": dataset})


def pymatgen(f):
    """An entry of mlearn's JSON: virial_stress in kbar, VASP's sign and order."""
    sites = [
        {"species": [{"element": a.symbol, "occu": 1}], "abc": abc.tolist(), "xyz": a.position.tolist(), "label": "x"}
        for a, abc in zip(f.atoms, f.atoms.get_scaled_positions(wrap=False), strict=True)
    ]
    structure = {
        "@module": "pymatgen.core.structure",
        "@class": "Structure",
        "lattice": {"matrix": f.atoms.cell.array.tolist()},
        "sites": sites,
    }
    stress = (-f.stress / (0.1 * GPa))[[0, 1, 2, 5, 3, 4]]
    outputs = {"energy": f.energy, "forces": f.forces.tolist(), "virial_stress": stress.tolist()}
    return {"structure": structure, "outputs": outputs, "group": "bulk", "num_atoms": len(f.atoms)}


def deepmd(folder, labelled, type_map, mixed=False, sets=2):
    """A folder of DeePMD-kit; mixed: atoms of each frame have types of their own, and frames are filled up by one."""
    pad = 1 if mixed else 0
    n = len(labelled[0].atoms) + pad
    folder.mkdir(parents=True)
    types = [type_map.index(s) for s in labelled[0].atoms.symbols]
    (folder / "type.raw").write_text("\n".join(map(str, [0] * n if mixed else types)) + "\n")
    (folder / "type_map.raw").write_text("\n".join(type_map) + "\n")
    for s in range(sets):
        part = folder / f"set.{s:03d}"
        part.mkdir()
        here = labelled[s::sets]

        def save(name, rows, part=part):
            np.save(part / f"{name}.npy", np.array(rows))

        padded = [[np.pad(a, ((0, pad), (0, 0))) for a in (f.atoms.positions, f.forces)] for f in here]
        save("coord", [positions.ravel() for positions, _ in padded])
        save("force", [forces.ravel() for _, forces in padded])
        save("box", [f.atoms.cell.array.ravel() for f in here])
        save("energy", [f.energy for f in here])
        save("virial", [f.matrix(f.virial).ravel() for f in here])
        if mixed:
            save("real_atom_types", [[type_map.index(s) for s in f.atoms.symbols] + [-1] * pad for f in here])


def vasprun(labelled):
    """vasprun.xml: stress in kbar, positive under compression, as a matrix; all frames have the same atoms."""

    def array(name, rows):
        return f'<varray name="{name}">' + "".join(f"<v> {row(r)} </v>" for r in rows) + "</varray>"

    def structure(f, name=""):
        cell, positions = f.atoms.cell.array, f.atoms.get_scaled_positions(wrap=False)
        return f"<structure{name}><crystal>{array('basis', cell)}</crystal>{array('positions', positions)}</structure>"

    energies = "".join(f'<i name="{name}"> {{0!r}} </i>' for name in ("e_fr_energy", "e_wo_entrp", "e_0_energy"))
    atoms = "".join(f"<rc><c>{symbol}</c><c>1</c></rc>" for symbol in labelled[0].atoms.symbols)
    text = '<?xml version="1.0" encoding="ISO-8859-1"?>\n<modeling>\n'
    text += f"<kpoints>{array('kpointlist', [[0, 0, 0]])}{array('weights', [[1]])}</kpoints>"
    text += f'<atominfo><array name="atoms"><set>{atoms}</set></array></atominfo>'
    text += structure(labelled[0], ' name="initialpos"')
    for f in labelled:
        energy = f"<energy>{energies.format(f.energy)}</energy>"
        stress = -f.matrix(f.stress) / (0.1 * GPa)
        text += f"<calculation><scstep>{energy}</scstep>{structure(f)}{array('forces', f.forces)}"
        text += f"{array('stress', stress)}{energy}</calculation>\n"
    return text + "</modeling>\n"


def outcar(labelled):
    """OUTCAR of VASP, what there is of labels: atoms sorted by element; stress in kB in the order xx yy zz xy yz zx."""
    kinds = list(dict.fromkeys(labelled[0].atoms.symbols))
    counts = [sum(labelled[0].atoms.symbols == kind) for kind in kinds]
    lines = [" vasp.6.4.2 20Jul23 (build Jan 01 2024 00:00:00) complex"]
    lines += 2 * [f" POTCAR:    PAW_PBE {kind} 01Jan2000" for kind in kinds]
    lines += ["   ISPIN  =      1    spin polarized calculation?", f"   ions per type =  {' '.join(map(str, counts))}"]
    lines.append(" number of dos      NEDOS =    301   number of ions     NIONS =" + f"{sum(counts):7d}")
    for n, f in enumerate(labelled):
        order = np.concatenate([np.flatnonzero(f.atoms.symbols == kind) for kind in kinds])
        kbar = (-f.stress / (0.1 * GPa))[[0, 1, 2, 5, 3, 4]]
        lines += [f"---------------- Iteration {n + 1:6d}(   1)  ----------------", f"  in kB  {row(kbar)}"]
        lines += ["      direct lattice vectors                 reciprocal lattice vectors"]
        lines += [f"  {row(v)}  0 0 0" for v in f.atoms.cell.array]
        lines += [" POSITION                                       TOTAL-FORCE (eV/Angst)", " " + "-" * 83]
        lines += [f"  {row(p)}  {row(v)}" for p, v in zip(f.atoms.positions[order], f.forces[order], strict=True)]
        lines += [" " + "-" * 83, "  FREE ENERGIE OF THE ION-ELECTRON SYSTEM (eV)", "  " + "-" * 51]
        lines += [f"  free  energy   TOTEN  =  {f.energy!r} eV", ""]
        lines += [f"  energy  without entropy=  {f.energy!r}  energy(sigma->0) =  {f.energy!r}"]
    return "\n".join(lines) + "\n"
