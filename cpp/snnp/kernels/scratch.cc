#include "snnp/kernels/scratch.h"

#include <pthread.h>

#include <algorithm>
#include <mutex>
#include <new>
#include <type_traits>

namespace snnp {

namespace {

constexpr std::align_val_t line{64};

// Hands out pieces of a buffer; with no buffer it only adds up what is asked for.
class Arena {
 public:
  explicit Arena(Buffer *buffer) : buffer_(buffer) {}
  template <class T> void operator()(T *&pointer, std::size_t count)
  {
    if (buffer_) pointer = buffer_->as<T>(used_);
    used_ += (count * sizeof(T) + 63) / 64 * 64;
  }
  std::size_t used() const { return used_; }

 private:
  Buffer *buffer_;
  std::size_t used_ = 0;
};

template <class Layout> void lay_out(Buffer &buffer, Layout layout)
{
  Arena size(nullptr);
  layout(size);
  buffer.reserve(size.used());
  Arena pieces(&buffer);
  layout(pieces);
}

}  // namespace

Buffer::~Buffer() { ::operator delete(data_, line); }

void Buffer::reserve(std::size_t bytes)
{
  if (bytes <= size_) return;
  ::operator delete(data_, line);
  data_ = nullptr;
  size_ = 0;
  data_ = static_cast<char *>(::operator new(bytes, line));
  std::fill_n(data_, bytes, 0);  // kernels compute with what lies beyond the end of lists: it has to be finite
  size_ = bytes;
}

template <class Real> void Scratch<Real>::prepare(const Plan<Real> &plan)
{
  columns = 1 + plan.n2 + plan.n3;
  for (const CentrePlan<Real> &centre : plan.centres) {
    streams = std::max(streams, centre.streams.count);
    four_body_sums_of_atom = std::max(four_body_sums_of_atom, centre.four_body.sums);
    four_body_mixtures = std::max(four_body_mixtures, centre.four_body.mixtures);
    nodes_size = std::max(nodes_size, 2 * centre.embedding.nodes + 2 * centre.embedding.widest);
  }
  for (const Group<Real> &group : plan.centres[0].pairs[0].f) f_width += group.width;
  n2 = plan.n2;
  elements = plan.elements;
  by_column = plan.by_column;
  rho_columns = plan.columns;
  atoms = plan.across_atoms ? batch : block;
  lay_out(embedding, [&](Arena &piece) {
    piece(G, static_cast<std::size_t>(columns) * block);
    piece(A, static_cast<std::size_t>(columns) * block);
    piece(nodes, static_cast<std::size_t>(nodes_size) * block);
    for (double **p : {&four_body_sums, &four_body_slopes})
      piece(*p, static_cast<std::size_t>(four_body_sums_of_atom) * block);
  });
}

template <class Real> void Scratch<Real>::reserve(int neighbors)
{
  if (neighbors + slack <= capacity) return;
  const std::size_t n = capacity = (neighbors + neighbors / 4 + slack + 15) / 16 * 16;
  lay_out(shared, [&](Arena &piece) {
    piece(candidates.count, streams);
    for (double **p : {&candidates.x, &candidates.y, &candidates.z, &candidates.squared}) piece(*p, streams * n);
    for (int **p : {&candidates.id, &candidates.element}) piece(*p, streams * n);
    piece(tables, elements * n);
    piece(sums, 3 * 8 * n);
    for (double **p : {&fx, &fy, &fz}) piece(*p, n);
  });
  for (int l = 0; l < atoms; ++l) {
    Near<Real> &atom = near[l];
    lay_out(atom.arrays, [&](Arena &piece) {
      for (double **p : {&atom.x, &atom.y, &atom.z, &atom.inverse, &atom.slope}) piece(*p, n);
      for (Real **p : {&atom.sx, &atom.sy, &atom.sz}) piece(*p, n);
      if constexpr (std::is_same_v<Real, double>)
        atom.ux = atom.x, atom.uy = atom.y, atom.uz = atom.z;
      else
        for (Real **p : {&atom.ux, &atom.uy, &atom.uz}) piece(*p, n);
      piece(atom.stream_count, streams);
      piece(atom.density, n2);
      for (Real **p : {&atom.rho_t, &atom.f_t, &atom.g_shift}) piece(*p, n);
      for (int **p : {&atom.id, &atom.rho_interval, &atom.f_interval, &atom.element}) piece(*p, n);
      for (Real **p : {&atom.f, &atom.P}) piece(*p, n * f_width);
      piece(atom.four_body_weights, four_body_mixtures * n);
      piece(atom.rho_slope, rho_columns * n);
      piece(atom.f_slope, by_column ? n : 0);
    });
  }
}

template <class Real> void Scratch<Real>::reserve_pairs(Near<Real> &atom, int neighbors)
{
  if (neighbors <= atom.pair_capacity) return;
  const std::size_t n = atom.pair_capacity = (neighbors + neighbors / 4 + 15) / 16 * 16;
  lay_out(atom.pairs, [&](Arena &piece) {
    piece(atom.T, n * (n + slack) / 2);
    piece(atom.I, n * (n + slack) / 2);
  });
}

template <class Real> void Scratch<Real>::reserve_tensors(int neighbors)
{
  TensorNeighbors<Real> &all = tensor_neighbors;
  if (neighbors + slack <= all.capacity) return;
  const std::size_t n = all.capacity = (neighbors + neighbors / 4 + slack + 15) / 16 * 16;
  lay_out(tensor_arrays, [&](Arena &piece) {
    for (double **p : {&all.x, &all.y, &all.z, &all.r, &all.gx, &all.gy, &all.gz}) piece(*p, n);
    for (double **p : {&all.partial_x, &all.partial_y, &all.partial_z}) piece(*p, 8 * n);
    for (int **p : {&all.index, &all.first, &all.second}) piece(*p, n);
    for (Real **p : {&all.first_basis, &all.second_basis}) piece(*p, 8 * n);
    piece(all.radial_terms, 16 * n);
    for (double **p : {&all.ux, &all.uy, &all.uz}) piece(*p, all.block * n);
    piece(all.t, all.block * n);
    piece(all.jk_terms, 16 * all.block * n);
    piece(all.cell, all.block * n);
  });
}

template <class Real> void Scratch<Real>::reserve_across_atoms(int neighbors)
{
  const std::size_t n = (neighbors + slack + 15) / 16 * 16, numbers = (7 + 2 * f_width) * n * block;
  lay_out(interleaved, [&](Arena &piece) { piece(across_atoms, numbers); });
}

template <class Real> void Scratch<Real>::reserve_packed(int count)
{
  if (count <= packed_capacity) return;
  packed_capacity = count + count / 8;
  lay_out(positions, [&](Arena &piece) { piece(packed_positions, 4L * packed_capacity); });
}

namespace {

// One for all pools. A process that forks holds it meanwhile: else a child could inherit it from a thread that it does
// not have, and would wait for it for ever.
std::mutex &pool_mutex()
{
  static std::mutex mutex;
  static const int watched = pthread_atfork([] { mutex.lock(); }, [] { mutex.unlock(); }, [] { mutex.unlock(); });
  static_cast<void>(watched);
  return mutex;
}

}  // namespace

template <class Real> std::unique_ptr<Scratch<Real>> ScratchPool<Real>::take()
{
  const std::lock_guard<std::mutex> lock(pool_mutex());
  if (free_.empty()) {
    auto scratch = std::make_unique<Scratch<Real>>();
    scratch->prepare(plan_);
    return scratch;
  }
  std::unique_ptr<Scratch<Real>> scratch = std::move(free_.back());
  free_.pop_back();
  return scratch;
}

template <class Real> void ScratchPool<Real>::give(std::unique_ptr<Scratch<Real>> scratch)
{
  const std::lock_guard<std::mutex> lock(pool_mutex());
  free_.push_back(std::move(scratch));
}

template class ScratchPool<double>;
template class ScratchPool<float>;
template struct Scratch<double>;
template struct Scratch<float>;

}  // namespace snnp
