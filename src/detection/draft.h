// What a change of a tenant's rules starts from, and what is to be written for it.
#pragma once

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "detection/pack_store.h"
#include "detection/stored_rule.h"
#include "storage/store.h"

namespace neurallog::detection {

struct Draft {
  std::map<std::string, StoredRule, std::less<>> rules;
  rules::Lists lists;
  std::map<std::string, Subscription> subscriptions;  // their rules are among `rules`
  std::set<std::string> changed;                      // ids of rules that are not as they were
  bool has_other_lists = false;
  storage::MetaChange change;

  bool is_changed() const {
    return !change.put.empty() || !change.remove.empty() || !change.remove_ranges.empty();
  }
  // The last word on a key counts.
  void Put(std::string key, std::string value) {
    std::erase(change.remove, key);
    change.put.emplace_back(std::move(key), std::move(value));
  }
  void Remove(const std::string& key) {
    std::erase_if(change.put, [&](const auto& put) { return put.first == key; });
    change.remove.push_back(key);
  }
  void RemoveRange(const std::string& begin, const std::string& end) {
    std::erase_if(change.put,
                  [&](const auto& put) { return put.first >= begin && put.first < end; });
    change.remove_ranges.emplace_back(begin, end);
  }
};

}  // namespace neurallog::detection
