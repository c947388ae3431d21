#include "snnp/activations.h"

#include <algorithm>

namespace snnp {

int activation_index(const std::string &name)
{
  const std::vector<std::string> names = Activations::names();
  const auto found = std::find(names.begin(), names.end(), name);
  return found == names.end() ? -1 : static_cast<int>(found - names.begin());
}

int activation_since(const std::string &name)
{
  const int index = activation_index(name);
  return index < 0 ? 1 : Activations::since()[index];
}

std::string activation_names()
{
  std::string all;
  for (const std::string &name : Activations::names()) all += (all.empty() ? "" : ", ") + name;
  return all + " or none";
}

}  // namespace snnp
