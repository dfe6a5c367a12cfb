// What a writer prepared for each block it writes from. Blocks take turns when their rows are merged in
// the order of time, and a plan is made once for each.
//
//   BlockPlans<Plan> plans;
//   NL_RETURN_IF_ERROR(plans.Choose(batch, [&](Plan* plan) { return MakePlan(batch, plan); }));
//   plans.current().Print(row);
//
// A plan goes when its block has gone. Not thread-safe.
#pragma once

#include <memory>
#include <unordered_map>

#include "query/batch.h"

namespace neurallog::query {

template <typename Plan>
class BlockPlans {
 public:
  // Makes the batch's plan the current one. `make` fills a new one; after an error of it there is none.
  template <typename F>
  Status Choose(const Batch& batch, F make) {
    if (Find(batch)) return {};
    const Status made = make(&current_->plan);
    if (!made.ok()) {
      entries_.erase(current_->key.rows);
      current_ = nullptr;
    }
    return made;
  }

  Plan& current() { return current_->plan; }

 private:
  struct Key {
    const Rows* rows;
    const Projection* projection;
    bool operator==(const Key&) const = default;
  };
  struct Entry {
    Key key;
    std::weak_ptr<Rows> rows;
    std::shared_ptr<const Projection> projection;  // so that its address means the same
    Plan plan;
  };
  using Entries = std::unordered_map<const Rows*, Entry>;

  // Makes the batch's entry the current one; a new one when there is none, and false.
  bool Find(const Batch& batch) {
    const Key key{batch.rows.get(), batch.projection.get()};
    if (current_ != nullptr && current_->key == key && current_->rows.lock() == batch.rows)
      return true;
    auto place = entries_.find(key.rows);
    const bool is_known = place != entries_.end() && place->second.key == key &&
                          place->second.rows.lock() == batch.rows;
    if (!is_known) place = Add(key, batch);
    current_ = &place->second;
    return is_known;
  }

  typename Entries::iterator Add(const Key& key, const Batch& batch) {
    std::erase_if(entries_, [](const auto& entry) { return entry.second.rows.expired(); });
    entries_.erase(key.rows);
    return entries_.emplace(key.rows, Entry{key, batch.rows, batch.projection, Plan()}).first;
  }

  Entries entries_;
  Entry* current_ = nullptr;
};

}  // namespace neurallog::query
