#include "query/line_plan.h"

#include "base/json_text.h"

namespace neurallog::query {

void LinePlan::Add(MemberPrinter member) {
  steps_.push_back(Step::kMember);
  members_.push_back(std::move(member));
}

void LinePlan::Open(std::string_view name) {
  steps_.push_back(Step::kOpen);
  std::string key;
  base::AppendJsonString(&key, name);
  keys_.push_back(key.append(":{"));
}

void LinePlan::Close() { steps_.push_back(Step::kClose); }

bool LinePlan::Print(uint32_t row, base::Buffer* to) {
  const size_t begin = to->size();
  to->Append("{");
  auto member = members_.begin();
  auto key = keys_.begin();
  for (const Step step : steps_) {
    switch (step) {
      case Step::kMember: (member++)->Print(row, to); break;
      case Step::kOpen: OpenObject(*key++, to); break;
      case Step::kClose: CloseObject(to); break;
    }
  }
  const bool has_members = to->size() > begin + 1;
  if (has_members) to->Resize(to->size() - 1);  // the last comma
  to->Append("}");
  return has_members;
}

void LinePlan::OpenObject(std::string_view key, base::Buffer* to) {
  open_.push_back(to->size());
  to->Append(key);
}

void LinePlan::CloseObject(base::Buffer* to) {
  char* const last = to->data() + to->size() - 1;
  if (*last == '{') {
    to->Resize(open_.back());
  } else {
    *last = '}';
    to->Append(",");
  }
  open_.pop_back();
}

}  // namespace neurallog::query
