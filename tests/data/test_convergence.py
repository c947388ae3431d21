"""Structures whose electrons did not converge, and those labelled by a force field, are no training data."""

import numpy as np
import pytest
from ase.units import Bohr, Rydberg

import data_files as files
from snnp.data import DataError, read

FRAMES = files.frames(4)
NELM, EDIFF = 40, 1e-4
REACHED = "--- aborting loop because EDIFF is reached ---"
NOT_REACHED = "--- aborting loop EDIFF was not reached (unconverged)  ---"
HARD_STOP = "--- aborting loop because hard stop was set ---"


def outcar(steps, version="6.4.2", ediff="0.1E-03"):
    """steps: (electronic steps, last changes of the energy, how the loop ended) of each frame."""
    text = files.outcar(FRAMES).replace("6.4.2", version)
    head, *blocks = text.split("---------------- Iteration ")
    head += f"   NELM   = {NELM:6d};   NELMIN=  2; NELMDL= -5     # of ELM steps\n"
    head += f"   EDIFF  = {ediff}   stopping-criterion for ELM\n"
    for (count, changes, end), block, n in zip(steps, blocks, range(1, 9), strict=False):
        for m in range(1, count + 1):
            head += f"---------------- Iteration {n:6d}({m:4d})  ----------------\n"
            change = changes if m == count else "-0.1145131E+01  (-0.1110000E+01)"
            head += f" total energy-change (2. order) :{change}\n"
        head += f"{end}\n" + block.split("\n", 1)[1]
    return head


SMALL, LARGE = "-0.8145131E-04  (-0.1110000E-07)", "-0.2145131E-03  (-0.1110000E-07)"
CASES = {
    "before the limit": (7, SMALL, REACHED, True),
    "at the limit, converged": (NELM, SMALL, REACHED, True),
    "at the limit, and said to be": (NELM, SMALL, NOT_REACHED, False),
    "at the limit, as VASP 5 says it": (NELM, LARGE, REACHED, False),
    "only eigenvalues go on": (NELM, "-0.8145131E-04  (-0.1110000E-02)", REACHED, False),
    "a second number without its E": (NELM, "-0.8145131E-04  ( 0.2737684-111)", REACHED, True),
    "stars": (NELM, "-0.8145131E-04  (**************)", REACHED, False),
    "at the limit, and no word": (NELM, LARGE, "", False),
    "stopped by the user": (7, LARGE, HARD_STOP, False),
}


@pytest.mark.parametrize("case", CASES)
def test_outcar(case, tmp_path):
    *step, converged = CASES[case]
    good = (7, SMALL, REACHED)
    (tmp_path / "OUTCAR").write_text(outcar([good, step, good, good]))
    data = read([tmp_path / "OUTCAR"])
    kept = FRAMES if converged else [FRAMES[0], *FRAMES[2:]]
    assert [frame.energy for frame in data.frames] == [frame.energy for frame in kept]
    assert data.frames[-1].origin.endswith("frame 3")
    if converged:
        assert not data.skipped and not data.notes
    else:
        assert "; skipped 1 frame: electrons did not converge" in data.summary()
        assert data.notes == [f"{tmp_path / 'OUTCAR'}: structures are left out: electrons did not converge"]


def test_a_change_that_is_below_the_unrounded_criterion_counts(tmp_path):
    """EDIFF = 1.4E-4 is written as 0.1E-03."""
    steps = 4 * [(NELM, "-0.1300000E-03  (-0.1110000E-07)", REACHED)]
    (tmp_path / "OUTCAR").write_text(outcar(steps))
    assert len(read([tmp_path / "OUTCAR"]).frames) == 4


def test_a_calculation_that_converged_nowhere_is_refused(tmp_path):
    (tmp_path / "OUTCAR").write_text(outcar(4 * [(NELM, LARGE, NOT_REACHED)]))
    with pytest.raises(DataError, match=r"no usable frame \(electrons did not converge\)"):
        read([tmp_path / "OUTCAR"])


def force_field(frame):
    """What VASP writes of a force field in a step, before the first electronic step if there is DFT in it, too."""
    rows = zip(frame.atoms.positions, frame.forces, strict=True)
    return "\n".join(
        [
            "  ML FORCE on cell =-STRESS in cart. coord. units (eV/cell)",
            "  in kB       1.00000     2.00000     3.00000     4.00000     5.00000     6.00000",
            "      direct lattice vectors                 reciprocal lattice vectors",
            *(f"  {files.row(v)}  0 0 0" for v in 2 * frame.atoms.cell.array),
            "  POSITION                                       TOTAL-FORCE (eV/Angst) (ML)",
            " " + "-" * 83,
            *(f"  {files.row(p)}  {files.row(2 * v)}" for p, v in rows),
            " " + "-" * 83,
            "  ML FREE ENERGIE OF THE ION-ELECTRON SYSTEM (eV)",
            "  ---------------------------------------------------",
            "  free  energy ML TOTEN  =         0.00000000 eV",
            "",
            "  ML energy  without entropy=        0.00000000  ML energy(sigma->0) =        0.00000000",
            "",
        ]
    )


def test_steps_of_a_force_field_are_no_dft(tmp_path):
    """Two of them before every step of DFT: one alone, and one of the same structure."""
    head, *blocks = files.outcar(FRAMES).split("---------------- Iteration ")
    lines = [head, *(f"{2 * force_field(FRAMES[0])}---------------- Iteration {block}" for block in blocks)]
    (tmp_path / "OUTCAR").write_text("".join(lines) + force_field(FRAMES[1]))
    (tmp_path / "without").write_text(files.outcar(FRAMES))
    data, plain = read([tmp_path / "OUTCAR"]), read([tmp_path / "without"])
    for found, expected in zip(data.frames, plain.frames, strict=True):
        assert found.energy == expected.energy
        assert np.array_equal(found.forces, expected.forces)
        assert np.array_equal(found.stress, expected.stress)
        assert np.array_equal(found.atoms.cell, expected.atoms.cell)
    assert "skipped 5 frames: labels of a force field in place of those of DFT" in data.summary()


def test_a_force_field_whose_energy_is_not_written_hides_no_dft(tmp_path):
    """VASP writes it every NBLOCK steps."""
    head, *blocks = files.outcar(FRAMES).split("---------------- Iteration ")
    begun = force_field(FRAMES[0]).partition("  ML FREE ENERGIE")[0]
    (tmp_path / "OUTCAR").write_text("".join([head, *(f"{begun}---------------- Iteration {b}" for b in blocks)]))
    assert [frame.energy for frame in read([tmp_path / "OUTCAR"]).frames] == [frame.energy for frame in FRAMES]


def test_a_run_of_a_force_field_alone_is_refused(tmp_path):
    head = files.outcar(FRAMES).split("---------------- Iteration ")[0]
    (tmp_path / "OUTCAR").write_text(head + force_field(FRAMES[0]))
    with pytest.raises(DataError, match=r"no usable frame \(labels of a force field in place of those of DFT\)"):
        read([tmp_path / "OUTCAR"])


def test_numbers_that_do_not_fit_their_columns(tmp_path):
    lines = files.outcar(FRAMES).splitlines()
    rows = [n for n, line in enumerate(lines) if "TOTAL-FORCE" in line]

    def spoiled(nth):
        words = lines[rows[nth] + 2].split()
        new = [*lines]
        new[rows[nth] + 2] = " ".join([*words[:3], "*************", *words[4:]])
        (tmp_path / "OUTCAR").write_text("\n".join(new) + "\n")
        return tmp_path / "OUTCAR"

    for nth in range(len(FRAMES)):
        data = read([spoiled(nth)])
        assert [frame.energy for frame in data.frames] == [f.energy for n, f in enumerate(FRAMES) if n != nth]
        assert "skipped 1 frame: stars stand where a number has more digits than its column" in data.summary()


def vasprun(counts, changes, nelm=NELM):
    """Numbers of electronic steps, and how much the last one changes the energy, of each frame."""
    text = files.vasprun(FRAMES)
    settings = f'<i type="int" name="NELM"> {nelm}</i><i name="EDIFF"> {EDIFF:.8f}</i>'
    head, *blocks = text.split("<calculation>")
    head = head.replace("<kpoints>", f"<parameters>{settings}</parameters><kpoints>")
    for frame, block, count, change in zip(FRAMES, blocks, counts, changes, strict=True):
        energies = [frame.energy + 1.0] * (count - 2) + [frame.energy - change, frame.energy]
        one = (
            '<scstep><energy><i name="e_fr_energy"> {0:.8f} </i><i name="e_0_energy"> {0:.8f} </i></energy></scstep>\n'
        )
        end = block.index("</scstep>") + len("</scstep>")
        head += "<calculation>\n" + "".join(map(one.format, energies)) + block[end:]
    return head


def test_vasprun(tmp_path):
    """The change of the energy tells whether the last electronic step that is allowed was enough."""
    path = tmp_path / "vasprun.xml"
    path.write_text(vasprun([NELM, 7, NELM, NELM], [0.8 * EDIFF, 1.0, -2.0 * EDIFF, 0.0]))
    data = read([path])
    assert [frame.energy for frame in data.frames] == [f.energy for n, f in enumerate(FRAMES) if n != 2]
    assert "; skipped 1 frame: electrons did not converge" in data.summary()
    path.write_text(vasprun(4 * [7], 4 * [1.0]))
    assert len(read([path]).frames) == 4


def test_vasprun_that_was_stopped_inside_a_line(tmp_path):
    whole = vasprun([NELM, 7, NELM, NELM], 4 * [1.0])
    (tmp_path / "vasprun.xml").write_text(whole[: whole.rindex("<scstep>") + 40])
    assert [frame.energy for frame in read([tmp_path / "vasprun.xml"]).frames] == [FRAMES[1].energy]


def pwscf(converged):
    """Output of pw.x: molecular dynamics that goes on where electrons do not converge (scf_must_converge = .false.)."""
    first = FRAMES[0].atoms
    cell, alat = first.cell.array, first.cell.lengths()[0]
    out = [
        "     Program PWSCF v.7.2 starts on  1Jan2024 at  0: 0: 0",
        f"     lattice parameter (alat)  =   {alat / Bohr:.9f}  a.u.",
        f"     number of atoms/cell      =   {len(first)}",
        "     number of atomic types    =   2",
        f"     celldm(1)=   {alat / Bohr:.9f}  celldm(2)=   0.000000  celldm(3)=   0.000000",
        "     crystal axes: (cart. coord. in units of alat)",
        *(f"               a({n + 1}) = ( {files.row(v / alat)} )" for n, v in enumerate(cell)),
        "",
        "     atomic species   valence    mass     pseudopotential",
        "        In            13.00   114.81800     In( 1.00)",
        "        P              5.00    30.97400     P ( 1.00)",
        "",
        "     site n.     atom                  positions (alat units)",
        *(
            f"     {n + 1}   {a.symbol}  tau( {n + 1}) = ( {files.row(a.position / alat)} )"
            for n, a in enumerate(first)
        ),
        "",
    ]
    for n, (frame, good) in enumerate(zip(FRAMES, converged, strict=True)):
        if n:
            out += ["ATOMIC_POSITIONS (angstrom)"]
            out += [f"{a.symbol}  {files.row(a.position)}" for a in frame.atoms] + [""]
        out += ["     End of self-consistent calculation", ""]
        out += ["     Number of k-points >= 100: set verbosity='high' to print the bands.", ""]
        if good:
            out += [f"!    total energy              =   {frame.energy / Rydberg:.9f} Ry"]
            out += ["     convergence has been achieved in   9 iterations"]
        else:
            out += ["     convergence NOT achieved after  60 iterations: stopping"]
        out += ["", "     Forces acting on atoms (cartesian axes, Ry/au):", ""]
        forces = frame.forces * Bohr / Rydberg
        out += [f"     atom    {n + 1} type  1   force = {files.row(f)}" for n, f in enumerate(forces)] + [""]
    return "\n".join([*out, "     JOB DONE.", ""])


@pytest.mark.parametrize("converged", [(True, True, True, True), (True, False, True, False), (False, True, True, True)])
def test_quantum_espresso(converged, tmp_path):
    (tmp_path / "pw.out").write_text(pwscf(converged))
    data = read([tmp_path / "pw.out"])
    expected = [frame.energy for frame, good in zip(FRAMES, converged, strict=True) if good]
    assert [frame.energy for frame in data.frames] == pytest.approx(expected, rel=1e-6)
    assert data.skipped["electrons did not converge"] == converged.count(False)
