// The value lists of a tenant, which stand for %name% in rules with the modifier expand.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace neurallog::rules {

using Lists = std::map<std::string, std::vector<std::string>, std::less<>>;

}  // namespace neurallog::rules
