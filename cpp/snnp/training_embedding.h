// The energies of a batch from its filters, with the derivatives that a fit needs: see training.h.
#pragma once

#include <memory>
#include <vector>

namespace snnp {

/// E_i = unit (constant + linear·x + N(x)) + ½ G_0, x = (G − mean) / scale, with N a perceptron for each element.
struct Embedding {
  int elements, inputs;             ///< inputs: n2 + n3
  std::vector<int> widths;          ///< of the hidden layers; none: N = 0
  int activation;                   ///< as in activations.h
  double unit;                      ///< eV
  std::vector<double> mean, scale;  ///< elements × inputs
  std::vector<double> fixed_e0;     ///< by element, eV: of an isolated atom, in place of the constant; NaN: free
  /// Constants by element, `linear` by element, and by element for each layer W (outputs × inputs) and b.
  std::vector<double> parameters;

  /// Number of weights of one network, and of all parameters.
  int network_size() const;
  int size() const { return elements * (1 + inputs + network_size()); }
};

/// The embedding of a batch.
class BatchEmbedding {
 public:
  /// Without a batch.
  BatchEmbedding();
  ~BatchEmbedding();

  /// Sets energies (atoms, eV) and A = ∂E/∂G (atoms × (1 + inputs), eV). element: of each atom; G: as A.
  void values(Embedding embedding, int n_atoms, const int *element, const double *G, int threads, double *energies,
              double *A);

  /// Of S = Σ_i (w_i E_i + A_i·Gd_i), for the batch of the last `values`: sets B (as A) to ∂S/∂G and adds the
  /// derivatives by all parameters to `sums`.
  void gradient(const double *w, const double *Gd, double *B, double *sums);

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace snnp
