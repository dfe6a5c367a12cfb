#include "rules/schedule.h"

#include <fmt/format.h>

namespace neurallog::rules {

std::shared_ptr<const Schedule> ParseSchedule(const MapReader& rule,
                                              std::vector<Problem>* problems) {
  const Node* const node = rule.Map("schedule");
  if (node == nullptr) return nullptr;
  const size_t before = problems->size();
  const MapReader reader(*node, problems);
  reader.RefuseOthers({"timezone", "active"});
  base::TimeZone zone;
  if (const std::string name = reader.Text("timezone"); !name.empty()) {
    auto found = base::TimeZone::Find(name);
    if (found.ok()) zone = std::move(*found);
    else reader.Fail(reader.Find("timezone")->at, std::string(found.status().message()));
  }
  auto schedule = std::make_shared<Schedule>();
  const std::vector<std::string> active = reader.Texts("active");
  if (active.empty()) reader.Fail(node->at, "active: is missing");
  if (active.size() > Schedule::kIntervalsMax)
    reader.Fail(node->at, fmt::format("active: more than {} values", Schedule::kIntervalsMax));
  for (const std::string& text : active) {
    auto interval = base::TimeInterval::ParseShort(text, zone);
    if (interval.ok()) schedule->active.push_back(std::move(*interval));
    else
      reader.Fail(reader.Find("active")->at,
                  fmt::format("active: {}", interval.status().message()));
  }
  if (problems->size() != before) return nullptr;
  return schedule;
}

}  // namespace neurallog::rules
