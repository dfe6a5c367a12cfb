#include "rules/rule_set.h"

#include "neurallog/log_record.h"

namespace neurallog::rules {

std::vector<RuleSet::Binding> RuleSet::BindingsOf(std::string_view name) const {
  std::vector<Binding> bindings;
  const auto bind = [&](const std::string& to, int32_t aliases) {
    const auto found = field_names_.find(to);
    if (found != field_names_.end()) bindings.push_back({found->second, aliases});
  };
  for (const std::string& known : pipeline_.NamesOf(name)) {
    bind(known, RouteTable::kNoAliases);
    for (size_t set = 0; set < alias_sets_.size(); ++set)
      for (const FieldAlias& alias : alias_sets_[set])
        if (alias.from == known) bind(alias.to, static_cast<int32_t>(set));
  }
  return bindings;
}

size_t RuleSet::memory_bytes() const {
  size_t bytes = steps_.capacity() * sizeof(Step) + entries_.capacity() * 4 +
                 tests_.capacity() * sizeof(CompiledTest);
  for (const Group& group : groups_) {
    for (const FieldIndex& index : group.indexes) bytes += index.memory_bytes();
    bytes += group.index_of_field.capacity() * 4 + group.postings.capacity() * 4 +
             group.triggers.capacity() * sizeof(Trigger) + group.exact_tests.capacity() * 4;
  }
  return bytes;
}

}  // namespace neurallog::rules
