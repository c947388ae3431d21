"""Outside its training data a potential stays repulsive at short range, and the run is told."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

import run_lammps as lmp
from snnp import SNNP
from snnp.data.neighbors import full_list, structures
from support import shaken, silicon, write

# Of 200 eV, with 0.02 fs per step: a core of stiffness 1e4 eV/Å² turns the atoms in some 1/ω = 0.4 fs, so that the
# total energy swings by (ω dt)²/8 = 3e-4 of it; 0.013 eV was measured.
CONSERVED = 0.05  # eV
CLOSE, FILTER = 1, 2  # in what way an atom is outside, see cpp/snnp/domain.h

# A crystal, in which two atoms in the middle come closer than 1.9 Å when they are told to.
CRYSTAL = """
units metal
lattice diamond 5.43
region box block 0 4 0 2 0 2
create_box 1 box
create_atoms 1 box
mass 1 28.0855
pair_style snnp {settings}
pair_coeff * * Si.snnp Si
group pair id 1 2
"""
COLLISION = "set atom 1 vx 60\nfix move all nve\ntimestep 0.0005\n"


@pytest.fixture
def folder(tmp_path):
    write(silicon(), tmp_path / "Si.snnp")
    return tmp_path


def warnings(text):
    return [line for line in text.splitlines() if "outside the domain of the training data" in line]


@pytest.fixture
def collide(session):
    """Two atoms thrown at each other with 100 eV each along x; x and vx of both, and the total energies on the way."""
    write(silicon(), session.folder / "Si.snnp")

    def run(gap, aside, steps=400):
        atoms = Atoms("Si2", [[20 - gap / 2, 20, 20], [20 + gap / 2, 20 + aside, 20]], cell=40 * np.eye(3), pbc=True)
        pair = f"mass 1 28.0855\npair_style snnp extrapolation ignore\npair_coeff * * {session.folder}/Si.snnp Si"
        session.start(atoms, ["Si"], pair, "units metal\natom_modify map array")
        speed = np.sqrt(2 * 100 / (1.0364269e-4 * 28.0855))  # Å/ps
        session.run(f"velocity all set 0 0 0\nset atom 1 vx {speed}\nset atom 2 vx -{speed}", "fix move all nve")
        session.run("thermo_modify norm no", "timestep 0.00002", "neighbor 2.0 bin", "run 0")
        path = [_state(session)]
        for _ in range(steps // 20):
            session.run("run 20")
            path.append(_state(session))
        return path, speed

    return run


def _state(session):
    return session.of_atoms("x"), session.of_atoms("v"), session.thermo("etotal")


def test_atoms_of_100_eV_bounce_head_on_and_fly_past_otherwise(collide):
    path, speed = collide(gap=3.0, aside=0.0)
    _, v, _ = path[-1]
    assert v[0, 0] == pytest.approx(-speed, rel=0.02), "the first atom flies back"
    assert v[1, 0] == pytest.approx(speed, rel=0.02)
    assert min(x[1, 0] - x[0, 0] for x, _, _ in path) > 0.5
    assert np.ptp([e for _, _, e in path]) < CONSERVED
    path, speed = collide(gap=3.0, aside=0.6)
    assert np.abs(path[-1][1][:, 1]).min() > 0.2 * speed, "both are deflected"
    assert np.ptp([e for _, _, e in path]) < CONSERVED


def test_pairs_and_crystals_repel_down_to_a_third_of_an_angstrom():
    calculator = SNNP(silicon())
    for distances, structure in (
        (np.linspace(0.3, 1.9, 200), lambda r: Atoms("Si2", [[0, 0, 0], [r, 0, 0]])),
        (np.linspace(0.3, 1.9, 200), lambda r: Atoms("Si3", [[0, 0, 0], [r, 0, 0], [-0.3 * r, r, 0]])),
        (np.linspace(0.3, 2.1, 40), lambda r: bulk("Si", "diamond", a=4 * r / np.sqrt(3))),
        (np.linspace(0.5, 2.1, 40), lambda r: bulk("Si", "fcc", a=np.sqrt(2) * r)),
    ):
        energies = np.array([calculator.get_potential_energy(structure(r)) for r in distances])
        assert np.isfinite(energies).all()
        assert (np.diff(energies) < 0).all()


def test_a_crystal_is_inside_and_says_nothing(folder):
    text = lmp.output(CRYSTAL.format(settings="") + "velocity all create 900 1\nfix move all nve\nrun 100", folder)
    assert not warnings(text)


def outside(potential, atoms):
    """In what way each atom is outside, from distances and filter values in Python."""
    calculator = SNNP(potential)
    i, _, _ = full_list(atoms, potential.pairs[0].shortest)
    G = calculator.engine.evaluate(structures([atoms], ["Si"], calculator.cutoff), 1)["filters"][:, 1:]
    element = potential.elements[0]
    beyond = ((element.lowest > G) | (element.highest < G)).any(1)
    return CLOSE * (np.bincount(i, minlength=len(atoms)) > 0) + FILTER * beyond


@pytest.mark.parametrize("style", ["snnp", "snnp/omp", "hybrid/overlay snnp zero 5.0"])
def test_atoms_outside_are_counted_and_marked(session, style):
    potential = silicon()
    (element,) = potential.elements
    element.highest = [0.9, 0.01]  # so that some atoms are outside in each way
    potential.elements = [element]
    write(potential, session.folder / "Si.snnp")
    atoms = lmp.in_lammps_frame(shaken(bulk("Si", "diamond", a=5.43, cubic=True).repeat((2, 1, 1)), 0.25, seed=3))
    coeff = f"{session.folder}/Si.snnp Si"
    coeff = f"pair_coeff * * snnp {coeff}\npair_coeff * * zero" if "hybrid" in style else f"pair_coeff * * {coeff}"
    session.start(atoms, ["Si"], f"pair_style {style}\n{coeff}", "units metal\natom_modify map array")
    name = "snnp/omp" if "omp" in style else "snnp"
    session.run(f"compute far all pair {name}", f"fix far all pair 1 {name} extrapolation 0")
    session.run(
        "thermo_style custom step pe c_far[1] c_far[2]", "velocity all create 3000 1", "fix move all nve", "run 0"
    )
    right = outside(potential, atoms)
    assert set(right) == {0, 1, 2, 3}
    np.testing.assert_array_equal(session.fix("far"), right)
    total = 0
    for _ in range(6):
        marks = outside(potential, session.atoms(["Si"]))
        np.testing.assert_array_equal(session.fix("far"), marks)
        now, since = session.lmp.numpy.extract_compute("far", 0, 1)
        total += np.count_nonzero(marks)
        assert now == np.count_nonzero(marks)
        assert since == total
        session.run("run 1 pre no")
    total += np.count_nonzero(session.fix("far"))
    session.run("run 0")
    total += np.count_nonzero(session.fix("far"))
    assert session.lmp.numpy.extract_compute("far", 0, 1)[1] == total, "a new run goes on counting"
    if "hybrid" not in style:
        session.run(f"pair_style {style}", "run 0")
        assert session.lmp.numpy.extract_compute("far", 0, 1)[1] == np.count_nonzero(session.fix("far")), "a new count"


@pytest.mark.parametrize("ranks", [1, 4])
def test_there_is_one_warning(folder, ranks):
    """Also when the atoms are on another rank than the one that writes, and output is rare."""
    deck = CRYSTAL.format(settings="") + COLLISION + "thermo 1000\nrun 60\nrun 20\nrun 20 pre no\n"
    anew = "pair_style snnp\nset atom 1 x 0 y 0 z 0\nset atom 2 x 1 y 1 z 1\nrun 0\n"
    text = lmp.output(deck + anew, folder, ranks=ranks)
    first, second = text.split("Loop time", 1)
    assert len(warnings(first)) == 1
    assert len(warnings(second)) == 1, "after pair_style there is another one"
    assert "Si.snnp" in warnings(text)[0]


def test_pieces_of_a_run_count_and_warn_as_the_whole(folder):
    """`run N every M` evaluates the first structure of each piece once more, unless it is told `pre no`."""
    deck = CRYSTAL.format(settings="") + COLLISION
    deck += "compute far all pair snnp\nthermo_style custom step pe c_far[*]\nthermo 1\n"
    whole = lmp.thermo(lmp.output(deck + "run 60\n", folder))
    marks = whole[:, 2]
    at_first_of_piece = marks[[12, 24, 36, 48]].sum()
    assert at_first_of_piece > 0
    for way, again in (("every 12 NULL", at_first_of_piece), ('pre no every 12 "print piece"', 0)):
        text = lmp.output(deck + f"run 60 {way}\n", folder)
        assert len(warnings(text)) == 1
        assert lmp.thermo(text)[-1, 3] == marks.sum() + again


def test_a_run_can_be_told_to_ignore_it(folder):
    deck = CRYSTAL.format(settings="extrapolation ignore") + COLLISION
    counts = "compute far all pair snnp\nthermo_style custom step pe c_far[*]\nthermo 20\nrun 60\n"
    text = lmp.output(deck + counts, folder)
    assert not warnings(text)
    assert lmp.thermo(text)[-1, -1] > 0


@pytest.mark.parametrize("ranks", [1, 4])
def test_a_run_can_be_told_to_stop(folder, ranks):
    deck = CRYSTAL.format(settings="extrapolation stop") + COLLISION + "run 60\n"
    sentence = lmp.error(deck, folder, ranks=ranks)
    assert "atoms are outside the domain of the training data of Si.snnp at step" in sentence


def test_python_can_go_on_after_a_stop(session):
    """What active learning needs: the structure that stopped the run."""
    write(silicon(), session.folder / "Si.snnp")
    atoms = Atoms("Si3", [[1, 1, 1], [5, 5, 5], [2.5, 1, 1]], cell=9 * np.eye(3), pbc=True)
    pair = f"pair_style snnp extrapolation stop\npair_coeff * * {session.folder}/Si.snnp Si"
    session.start(atoms, ["Si"], pair, "units metal\natom_modify map array")
    with pytest.raises(Exception, match=r"2 atoms are outside .* at step 0; the lowest ID is 1"):
        session.run("run 0")
    assert len(session.atoms(["Si"])) == 3
    session.run("set atom 3 x 4.0", "run 0")


def test_without_atoms_on_a_rank_marks_are_still_there(folder):
    deck = """
    units metal
    region box block 0 9 0 9 0 9
    create_box 1 box
    create_atoms 1 single 1 1 1
    create_atoms 1 single 2 1 1
    mass 1 28.0855
    pair_style snnp
    pair_coeff * * Si.snnp Si
    fix far all pair 1 snnp extrapolation 0
    run 0
    write_dump all custom marks.dump id f_far modify sort id
    """
    lmp.output(deck, folder, ranks=4)
    np.testing.assert_array_equal(np.loadtxt(folder / "marks.dump", skiprows=9)[:, 1], [CLOSE, CLOSE])
