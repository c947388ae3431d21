#include "snnp/kernels/scratch.h"

#include <algorithm>
#include <new>
#include <type_traits>

namespace snnp {

namespace {

constexpr std::align_val_t line{64};

// Hands out pieces of a buffer; with no buffer it only adds up what is asked for.
class Carver {
 public:
  explicit Carver(Buffer *buffer) : buffer_(buffer) {}
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

template <class Layout> void carve(Buffer &buffer, Layout layout)
{
  Carver size(nullptr);
  layout(size);
  buffer.reserve(size.used());
  Carver pieces(&buffer);
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
    nodes_size = std::max(nodes_size, 2 * centre.embedding.nodes + 2 * centre.embedding.widest);
  }
  for (const Group<Real> &group : plan.centres[0].pairs[0].legs) leg_width += group.width;
  densities = plan.n2;
  elements = plan.elements;
  by_column = plan.by_column;
  atoms = plan.across_atoms ? batch : block;
  carve(embedding, [&](Carver &piece) {
    piece(G, static_cast<std::size_t>(columns) * block);
    piece(A, static_cast<std::size_t>(columns) * block);
    piece(nodes, static_cast<std::size_t>(nodes_size) * block);
  });
}

template <class Real> void Scratch<Real>::reserve(int neighbors)
{
  if (neighbors + slack <= capacity) return;
  const std::size_t n = capacity = (neighbors + neighbors / 4 + slack + 15) / 16 * 16;
  carve(shared, [&](Carver &piece) {
    piece(candidates.count, streams);
    for (double **p : {&candidates.x, &candidates.y, &candidates.z, &candidates.squared}) piece(*p, streams * n);
    piece(candidates.id, streams * n);
    piece(tables, elements * n);
    piece(sums, 3 * 8 * n);
    for (double **p : {&fx, &fy, &fz}) piece(*p, n);
  });
  for (int l = 0; l < atoms; ++l) {
    Near<Real> &atom = near[l];
    carve(atom.arrays, [&](Carver &piece) {
      for (double **p : {&atom.x, &atom.y, &atom.z, &atom.inverse, &atom.slope}) piece(*p, n);
      for (Real **p : {&atom.sx, &atom.sy, &atom.sz}) piece(*p, n);
      if constexpr (std::is_same_v<Real, double>)
        atom.ux = atom.x, atom.uy = atom.y, atom.uz = atom.z;
      else
        for (Real **p : {&atom.ux, &atom.uy, &atom.uz}) piece(*p, n);
      piece(atom.stream_count, streams);
      piece(atom.density, densities);
      for (Real **p : {&atom.density_t, &atom.leg_t, &atom.leg_shift}) piece(*p, n);
      for (int **p : {&atom.id, &atom.density_row, &atom.leg_row, &atom.leg_element}) piece(*p, n);
      for (Real **p : {&atom.f, &atom.P}) piece(*p, n * leg_width);
      for (double **p : {&atom.density_slope, &atom.leg_slope}) piece(*p, by_column ? n : 0);
    });
  }
}

template <class Real> void Scratch<Real>::reserve_pairs(Near<Real> &atom, int legs)
{
  if (legs <= atom.leg_capacity) return;
  const std::size_t n = atom.leg_capacity = (legs + legs / 4 + 15) / 16 * 16;
  carve(atom.pairs, [&](Carver &piece) {
    piece(atom.T, n * (n + slack) / 2);
    piece(atom.I, n * (n + slack) / 2);
  });
}

template <class Real> void Scratch<Real>::reserve_tensors(int legs)
{
  TensorLegs<Real> &all = tensor_legs;
  if (legs + slack <= all.capacity) return;
  const std::size_t n = all.capacity = (legs + legs / 4 + slack + 15) / 16 * 16;
  carve(tensor_arrays, [&](Carver &piece) {
    for (double **p : {&all.x, &all.y, &all.z, &all.r, &all.gx, &all.gy, &all.gz}) piece(*p, n);
    for (double **p : {&all.row_x, &all.row_y, &all.row_z}) piece(*p, 8 * n);
    for (int **p : {&all.place, &all.first, &all.second}) piece(*p, n);
    for (Real **p : {&all.first_basis, &all.second_basis}) piece(*p, 8 * n);
    piece(all.along, 16 * n);
    for (double **p : {&all.ux, &all.uy, &all.uz}) piece(*p, all.rows * n);
    piece(all.t, all.rows * n);
    piece(all.across, 16 * all.rows * n);
    piece(all.cell, all.rows * n);
  });
}

template <class Real> void Scratch<Real>::reserve_lanes(int legs)
{
  const std::size_t n = (legs + slack + 15) / 16 * 16, numbers = (7 + 2 * leg_width) * n * block;
  carve(interleaved, [&](Carver &piece) { piece(lanes, numbers); });
}

template <class Real> void Scratch<Real>::reserve_rows(int count)
{
  if (count <= row_capacity) return;
  row_capacity = count + count / 8;
  carve(positions, [&](Carver &piece) { piece(rows, 4L * row_capacity); });
}

template <class Real> std::unique_ptr<Scratch<Real>> ScratchPool<Real>::take()
{
  const std::lock_guard<std::mutex> lock(mutex_);
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
  const std::lock_guard<std::mutex> lock(mutex_);
  free_.push_back(std::move(scratch));
}

template class ScratchPool<double>;
template class ScratchPool<float>;
template struct Scratch<double>;
template struct Scratch<float>;

}  // namespace snnp
