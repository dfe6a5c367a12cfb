// Any bytes are rules or problems; rules that parse compile within their bounds and can be run.
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "model/record_batch.h"
#include "rules/matcher.h"
#include "rules/rule_parser.h"

using namespace neurallog;

namespace {

void Check(bool condition) {
  if (!condition) std::abort();
}

std::shared_ptr<const model::RecordBatch> OneRecord(std::string_view text) {
  model::RecordBatchBuilder builder(1024);
  builder.BeginRow();
  builder.AddField(builder.NameId("f"), ValueType::kString, text.substr(0, 200));
  builder.AddField(builder.NameId("g"), ValueType::kArray, R"(["a",1,null])");
  builder.EndRow(1);
  return builder.Finish();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  rules::ParseOptions options;
  options.document.nodes_max = 10'000;
  const rules::Lists lists{{"list", {"a", "b"}}};
  options.lists = &lists;
  const std::vector<rules::Parsed> parsed = rules::ParseRules(text, options);
  std::vector<const rules::Rule*> rules;
  std::vector<const rules::Filter*> filters;
  for (const rules::Parsed& one : parsed) {
    const bool is_something = one.rule || one.filter || one.correlation;
    Check(is_something == (one.state() == rules::Parsed::State::kReady) ||
          one.state() == rules::Parsed::State::kFailed);
    if (one.rule) rules.push_back(&*one.rule);
    if (one.filter) filters.push_back(&*one.filter);
  }
  rules::CompileReport report;
  rules::CompileOptions compile;
  compile.steps_max = 100'000;
  compile.ignore_sources = true;
  rules::Matcher matcher(rules::RuleSet::Compile(rules, filters, compile, &report));
  const auto batch = OneRecord(text);
  matcher.Bind(*batch);
  for (const uint32_t rule : matcher.Match(batch->first_row())) Check(rule < rules.size());
  return 0;
}
