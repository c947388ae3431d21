// The fast path for centres of one element: neighbours in, filters, embedding, gradient, sums out; a block at a time.
#pragma once

#include "snnp/domain.h"
#include "snnp/indices.h"
#include "snnp/kernels/embed.h"
#include "snnp/kernels/fetch.h"
#include "snnp/kernels/four_body.h"
#include "snnp/kernels/radial.h"
#include "snnp/kernels/tensor.h"
#include "snnp/kernels/triplets_across_atoms.h"
#include "snnp/kernels/triplets_across_filters.h"

namespace snnp {
namespace SNNP_ISA {

/// All stages for the centres of `work`, which are of one element.
template <class Real> class Evaluation {
 public:
  Evaluation(const Plan<Real> &plan, Scratch<Real> &scratch, Work &work)
      : plan_(plan), centre_(plan.centres[work.element]), scratch_(scratch), work_(work),
        radial_{plan, centre_, scratch, work.virials != nullptr, work.with_virial},
        across_filters_{plan, centre_, scratch}, across_atoms_{plan, centre_, scratch},
        embedding_(centre_.embedding, plan.n2 + plan.n3, step)
  {
    embedding_.set_zero(scratch_.G, scratch_.nodes);
  }

  void run()
  {
    const int batch = plan_.across_atoms ? Scratch<Real>::batch : 8;
    for (int n = 0; n < work_.n_centers; n += batch)
      batch_of_atoms(work_.centers + n, work_.n_centers - n < batch ? work_.n_centers - n : batch);
  }

 private:
  const Plan<Real> &plan_;
  const CentrePlan<Real> &centre_;
  Scratch<Real> &scratch_;
  Work &work_;
  RadialStage<Real> radial_;
  TripletsAcrossFilters<Real> across_filters_;
  TripletsAcrossAtoms<Real> across_atoms_;
  BlockEmbedding embedding_;

  static constexpr int step = Scratch<Real>::block;

  // Across atoms a block takes as long as its atom with most three-body neighbours: atoms are sorted by that number.
  void batch_of_atoms(const int *atoms, int count)
  {
    Near<Real> *slots[Scratch<Real>::batch], *sorted[Scratch<Real>::batch];
    room(atoms, count);
    for (int l = 0; l < count; ++l) {
      Near<Real> &near = *(slots[l] = &scratch_.near[l]);
      near.atom = atoms[l];
      fetch(centre_, work_.lists, near.atom, scratch_.candidates, scratch_.capacity);
      radial_.in(near);
    }
    if (!plan_.across_atoms || plan_.n3 == 0) return block_of_atoms(slots, count);
    sort_by_three_body_count(slots, count, sorted);
    constexpr int block = TripletsAcrossAtoms<Real>::atoms;
    for (int l = 0; l < count; l += block) block_of_atoms(sorted + l, count - l < block ? count - l : block);
  }

  // Those with most three-body neighbours first (counting sort); all that have far fewer than the most share one bin.
  static void sort_by_three_body_count(Near<Real> *const *slots, int count, Near<Real> **sorted)
  {
    constexpr int numbers = 32;
    int most = 0, start[numbers + 1] = {};
    for (int l = 0; l < count; ++l) most = slots[l]->n_three_body > most ? slots[l]->n_three_body : most;
    const auto fewer = [&](int l) {
      return most - slots[l]->n_three_body < numbers ? most - slots[l]->n_three_body : numbers - 1;
    };
    for (int l = 0; l < count; ++l) ++start[fewer(l) + 1];
    for (int n = 0; n < numbers; ++n) start[n + 1] += start[n];
    for (int l = 0; l < count; ++l) sorted[start[fewer(l)]++] = slots[l];
  }

  void block_of_atoms(Near<Real> *const *block, int count)
  {
    double *G = scratch_.G, *A = scratch_.A;
    for (int m = 0; m < (plan_.n2 + plan_.n3) * step; ++m) G[m] = 0;
    for (int l = 0; l < count; ++l)
      for (int m = 0; m < plan_.n2; ++m) G[m * step + l] = block[l]->density[m];
    if (plan_.n3 > 0) values(block, count, G + plan_.n2 * step);
    double energies[step];
    for (int l = 0; l < count; l += C) store(energies + l, embedding_(G + l, A + l, scratch_.nodes));
    for (int m = 0; m < (plan_.n2 + plan_.n3) * step; m += C) store(A + m, load<D>(A + m) * plan_.unit);
    for (int l = 0; l < count; ++l) {
      energies[l] += 0.5 * block[l]->phi + block[l]->energy;
    }
    if (centre_.four_body.radial > 0) add_four_body(block, count, energies);
    for (int l = 0; l < count; ++l) {
      tally(*block[l], energies[l], G + l);
    }
    if (plan_.n3 > 0 && plan_.across_atoms) across_atoms_.gradient(block, count, A + plan_.n2 * step);
    for (int l = 0; l < count; ++l) {
      Near<Real> &near = *block[l];
      if (plan_.n3 > 0 && !plan_.across_atoms) across_filters_.gradient(near, A + plan_.n2 * step + l);
      radial_.out(near, A + l);
      gradient(near);
      if (centre_.four_body.radial > 0) add_four_body_gradient(near, l);
      if (centre_.tensors.count > 0) energies[l] += add_tensors(near);
      judge(near, energies[l], G + l);
      add_forces(near);
      if (work_.with_virial || work_.virials) add_virials(near);
    }
  }

  void values(Near<Real> *const *block, int count, double *G)
  {
    if (plan_.across_atoms) return across_atoms_.values(block, count, G);
    for (int l = 0; l < count; ++l) across_filters_.values(*block[l], G + l);
  }

  // Memory for the longest list of the block.
  void room(const int *atoms, int count)
  {
    int longest = 0;
    for (int l = 0; l < count; ++l) {
      const int length = List(work_.lists, atoms[l]).count;
      longest = length > longest ? length : longest;
    }
    if (longest + Scratch<Real>::slack > scratch_.capacity) scratch_.reserve(longest);
  }

  // `energy` is in eV, without tensors.
  void tally(const Near<Real> &near, double energy, const double *G)
  {
    work_.energy += plan_.unit * energy;
    if (work_.energies) work_.energies[near.atom] += plan_.unit * energy;
    if (!work_.filters) return;
    const int filters = plan_.n2 + plan_.n3;
    double *to = work_.filters + static_cast<long>(filters + 1) * near.atom;
    to[0] = near.phi;
    for (int m = 0; m < filters; ++m) to[1 + m] = G[m * step];
  }

  // Whether the atom, with this energy in eV, is outside the domain. Written so that a NaN is.
  void judge(const Near<Real> &near, double energy, const double *G)
  {
    int ways = near.close ? Domain::close : 0, neighbors = 0;
    for (int m = 0; m < plan_.n2 + plan_.n3; ++m)
      ways |= centre_.lowest[m] <= G[m * step] && G[m * step] <= centre_.highest[m] ? 0 : Domain::filter;
    for (int s = 0; s < centre_.streams.count; ++s) neighbors += near.stream_count[s];
    const int known = centre_.lowest_energy.count;
    energy -= centre_.embedding.e0;
    if (known > 0 && !(neighbors < known && centre_.lowest_energy[neighbors] <= energy &&
                       energy <= centre_.highest_energy[neighbors]))
      ways |= Domain::energy;
    if (ways) ++work_.n_outside;
    if (work_.outside) work_.outside[near.atom] = ways;
  }

  // ∂E/∂r_j = slope u_j + (S_j − (S_j·u_j) u_j)/r_j, since ∂c_jk/∂r_j = (u_k − c_jk u_j)/r_j.
  void gradient(const Near<Real> &near)
  {
    int k = 0;
    if (plan_.n3 > 0)
      for (; k < near.n_three_body; k += C) {
        const D x = load<D>(near.x + k), y = load<D>(near.y + k), z = load<D>(near.z + k);
        const D sx = get(near.sx + k), sy = get(near.sy + k), sz = get(near.sz + k),
                inverse = load<D>(near.inverse + k);
        const D radial = load<D>(near.slope + k) - inverse * (sx * x + sy * y + sz * z);
        store(scratch_.fx + k, radial * x + inverse * sx);
        store(scratch_.fy + k, radial * y + inverse * sy);
        store(scratch_.fz + k, radial * z + inverse * sz);
      }
    for (; k < near.count; k += C) {
      const D slope = load<D>(near.slope + k);
      store(scratch_.fx + k, slope * load<D>(near.x + k));
      store(scratch_.fy + k, slope * load<D>(near.y + k));
      store(scratch_.fz + k, slope * load<D>(near.z + k));
    }
  }

  FourBodyNeighbors four_body_neighbors(const Near<Real> &near) const
  {
    const int count = centre_.four_body_near ? near.n_three_body : near.n_density;
    return {count, scratch_.capacity, near.x, near.y, near.z, near.inverse, near.four_body_weights};
  }

  // Weights of neighbours by their elements; zero beyond the last one.
  void set_four_body_weights(const Near<Real> &near)
  {
    const FourBodyPlan &plan = centre_.four_body;
    const int count = centre_.four_body_near ? near.n_three_body : near.n_density;
    for (int k = 0; k < plan.mixtures; ++k) {
      double *to = near.four_body_weights + static_cast<long>(k) * scratch_.capacity;
      for (int at = 0; at < count; ++at)
        to[at] = plan.weights[(plan_.elements > 1 ? near.element[at] : 0) * plan.mixtures + k];
      store(to + count, D{});
    }
  }

  // Sums of each atom of the block, its energy, and slopes for `add_four_body_gradient`.
  void add_four_body(Near<Real> *const *block, int count, double *energies)
  {
    const FourBodyPlan &plan = centre_.four_body;
    for (int first = 0; first < count; first += C) {
      double *A = scratch_.four_body_sums + first * plan.sums, *slopes = scratch_.four_body_slopes + first * plan.sums;
      for (int l = 0; l < C && first + l < count; ++l) {
        set_four_body_weights(*block[first + l]);
        add_up_four_body(plan, four_body_neighbors(*block[first + l]), A + l, C);
      }
      const BoundedEnergy bounded(plan.bound, four_body_values(plan, A, slopes));
      for (int q = 0; q < plan.sums; ++q) store(slopes + C * q, load<D>(slopes + C * q) * (bounded.slope * plan_.unit));
      for (int l = 0; l < C && first + l < count; ++l) energies[first + l] += bounded.energy[l];
    }
  }

  void add_four_body_gradient(const Near<Real> &near, int l)
  {
    const FourBodyNeighbors neighbors = four_body_neighbors(near);
    const double *slopes = scratch_.four_body_slopes + l / C * C * centre_.four_body.sums + l % C;
    for (int k = 0; k < neighbors.count; k += C) {
      D to[3];
      four_body_gradient(centre_.four_body, neighbors, k, slopes, C, to);
      store(scratch_.fx + k, load<D>(scratch_.fx + k) + to[0]);
      store(scratch_.fy + k, load<D>(scratch_.fy + k) + to[1]);
      store(scratch_.fz + k, load<D>(scratch_.fz + k) + to[2]);
    }
  }

  // Their energy, eV.
  double add_tensors(const Near<Real> &near)
  {
    const double energy = TensorKernel<Real>(centre_, plan_.elements, scratch_)(near);
    work_.energy += energy;
    if (work_.energies) work_.energies[near.atom] += energy;
    return energy / plan_.unit;
  }

  void add_forces(const Near<Real> &near)
  {
    double *F = work_.forces;
    if (!F) return;
    const double *x = scratch_.fx, *y = scratch_.fy, *z = scratch_.fz;
    D sx = D{}, sy = D{}, sz = D{};
    int k = 0;
    for (; k + C <= near.count; k += C) sx += load<D>(x + k), sy += load<D>(y + k), sz += load<D>(z + k);
    double *own = F + 3L * near.atom;
    for (; k < near.count; ++k) own[0] += x[k], own[1] += y[k], own[2] += z[k];
    own[0] += sum(sx) + near.pairs_force[0];
    own[1] += sum(sy) + near.pairs_force[1];
    own[2] += sum(sz) + near.pairs_force[2];
    for (int j = 0; j < near.count; ++j) {
      double *f = F + 3L * near.id[j];
      f[0] -= x[j];
      f[1] -= y[j];
      f[2] -= z[j];
    }
  }

  void add_virials(const Near<Real> &near)
  {
    const double *g[3] = {scratch_.fx, scratch_.fy, scratch_.fz}, *u[3] = {near.x, near.y, near.z};
    for (int v = 0; v < 6; ++v) work_.virial[v] += near.pairs_virial[v];
    for (int j = 0; j < near.count; ++j) {
      const double r = 1 / near.inverse[j];
      for (int v = 0; v < 6; ++v) work_.virial[v] -= r * u[voigt_row[v]][j] * g[voigt_column[v]][j];
      if (!work_.virials) continue;
      double *w = work_.virials + 9L * near.id[j];
      for (int a = 0; a < 3; ++a)
        for (int b = 0; b < 3; ++b) w[3 * a + b] -= r * u[a][j] * g[b][j];
    }
  }
};

/// What this file is for; see Kernel.
template <class Real> void evaluate(const Plan<Real> &plan, Scratch<Real> &scratch, Work &work)
{
  Evaluation<Real>(plan, scratch, work).run();
}

}  // namespace SNNP_ISA
}  // namespace snnp
