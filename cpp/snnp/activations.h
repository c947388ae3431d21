// The activations of a network's hidden layers. A new one is a struct like those below and a name in the list: the
// reader of potential files, the kernels and the reference take it from there.
#pragma once

#include <string>
#include <vector>

#include "snnp/always_inline.h"

namespace snnp {

// In each, `apply` replaces x by its value and sets `slope` to its derivative, and `second` to that of `slope`. T is a
// number or a vector of numbers, and exp a function that gives its exponential.

/// tanh x = 1 − 2/(e²ˣ + 1)
struct Tanh {
  static constexpr const char *name = "tanh";
  /// See above.
  template <class T, class Exp> SNNP_PART static void apply(T &x, T &slope, Exp exp)
  {
    x = 1 - 2 / (exp(2 * x) + 1);
    slope = 1 - x * x;
  }
  template <class T, class Exp> SNNP_PART static void apply(T &x, T &slope, T &second, Exp exp)
  {
    apply(x, slope, exp);
    second = -2 * x * slope;
  }
};

/// x/(1 + e⁻ˣ)
struct Silu {
  static constexpr const char *name = "silu";
  /// See above.
  template <class T, class Exp> SNNP_PART static void apply(T &x, T &slope, Exp exp)
  {
    const T s = 1 / (1 + exp(-x));
    slope = s * (1 + x * (1 - s));
    x *= s;
  }
  template <class T, class Exp> SNNP_PART static void apply(T &x, T &slope, T &second, Exp exp)
  {
    const T s = 1 / (1 + exp(-x)), ds = s * (1 - s);
    second = ds * (2 + x * (1 - 2 * s));
    slope = s + x * ds;
    x *= s;
  }
};

/// A list of such structs; an activation is known by its index in the list.
template <class... All> struct ActivationList {
  /// As in potential files, in the order of the list.
  static std::vector<std::string> names() { return {All::name...}; }
  /// Of the activation with this index; of none if there is no such index. Arguments: x, derivatives and exp.
  template <class... Arguments> SNNP_PART static void apply(int index, Arguments &&...arguments)
  {
    int n = 0;
    ((n++ == index ? All::apply(arguments...) : void()), ...);
  }
};
using Activations = ActivationList<Tanh, Silu>;

/// Where an activation stands in the list, −1 if it does not.
int activation_index(const std::string &name);

/// What a potential file may say, as it stands in messages: "tanh, silu or none".
std::string activation_names();

}  // namespace snnp
