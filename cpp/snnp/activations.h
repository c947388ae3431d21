// The activations of a network's hidden layers. A new one is a struct like those below and a name in the list: the
// reader of potential files, the kernels and the reference take it from there.
#pragma once

#include <string>
#include <vector>

#include "snnp/always_inline.h"

namespace snnp {

// In each, `apply` replaces x by its value and sets `slope` to its derivative, and `second` to that of `slope`. T is a
// number or a vector of numbers, and Math has static functions of it: exp, and inverse_sqrt(x) = 1/√x. `since` is the
// version of potential files that first had it.

/// tanh x = 1 − 2/(e²ˣ + 1)
struct Tanh {
  static constexpr const char *name = "tanh";
  static constexpr int since = 1;
  /// See above.
  template <class T, class Math> SNNP_PART static void apply(T &x, T &slope, Math math)
  {
    x = 1 - 2 / (math.exp(2 * x) + 1);
    slope = 1 - x * x;
  }
  template <class T, class Math> SNNP_PART static void apply(T &x, T &slope, T &second, Math math)
  {
    apply(x, slope, math);
    second = -2 * x * slope;
  }
};

/// x/(1 + e⁻ˣ)
struct Silu {
  static constexpr const char *name = "silu";
  static constexpr int since = 1;
  /// See above.
  template <class T, class Math> SNNP_PART static void apply(T &x, T &slope, Math math)
  {
    const T s = 1 / (1 + math.exp(-x));
    slope = s * (1 + x * (1 - s));
    x *= s;
  }
  template <class T, class Math> SNNP_PART static void apply(T &x, T &slope, T &second, Math math)
  {
    const T s = 1 / (1 + math.exp(-x)), ds = s * (1 - s);
    second = ds * (2 + x * (1 - 2 * s));
    slope = s + x * ds;
    x *= s;
  }
};

/// (x + √(x² + 4))/2, convex and rising everywhere (squareplus: Barron, arXiv 2112.11687)
struct Squareplus {
  static constexpr const char *name = "squareplus";
  static constexpr int since = 5;
  /// See above.
  template <class T, class Math> SNNP_PART static void apply(T &x, T &slope, Math math)
  {
    T second;
    apply(x, slope, second, math);
  }
  template <class T, class Math> SNNP_PART static void apply(T &x, T &slope, T &second, Math math)
  {
    const T squared = x * x + 4, inverse = math.inverse_sqrt(squared);
    second = 2 * inverse * inverse * inverse;
    slope = 0.5 * (1 + x * inverse);
    x = 0.5 * (x + squared * inverse);
  }
};

/// A list of such structs; an activation is known by its index in the list.
template <class... All> struct ActivationList {
  /// As in potential files, in the order of the list.
  static std::vector<std::string> names() { return {All::name...}; }
  /// The version of potential files that first had each of them.
  static std::vector<int> since() { return {All::since...}; }
  /// Of the activation with this index; of none if there is no such index. Arguments: x, derivatives and math.
  template <class... Arguments> SNNP_PART static void apply(int index, Arguments &&...arguments)
  {
    int n = 0;
    ((n++ == index ? All::apply(arguments...) : void()), ...);
  }
};
using Activations = ActivationList<Tanh, Silu, Squareplus>;

/// Where an activation stands in the list, −1 if it does not.
int activation_index(const std::string &name);

/// The version of potential files that first had an activation, or none of them: "none".
int activation_since(const std::string &name);

/// What a potential file may say, as it stands in messages: "tanh, silu, squareplus or none".
std::string activation_names();

}  // namespace snnp
