// Which records belong to a log source, and by which other names records call the fields of rules.
// Data, read from YAML:
//
//   name: windows
//   prefixes: [Event.EventData., winlog.]          # left out of a record's field names;
//                                                  a "*." at the end stands for one more part
//   aliases: {process.executable: Image}           # a record's name: the name in rules
//   sources:
//     - {product: windows, category: process_creation, when: {Channel: Security, EventID: 4688},
//        fields: {NewProcessName: Image}}          # aliases for these records only
//
// A record's field keeps its own name too. `when` compares without case; all fields must agree, each
// with any of its values.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rules/document.h"
#include "rules/rule.h"

namespace neurallog::rules {

struct FieldAlias {
  std::string from;  // a record's field
  std::string to;    // the same in rules
};

struct SourceCondition {
  std::string field;
  std::vector<std::string> values;  // folded
};

struct PipelineSource {
  LogSource source;
  std::vector<SourceCondition> when;
  std::vector<FieldAlias> fields;
};

struct Pipeline {
  std::string name;
  std::vector<std::string> prefixes;
  std::vector<FieldAlias> aliases;
  std::vector<PipelineSource> sources;

  // Every name under which rules may know a record's field: its own first.
  std::vector<std::string> NamesOf(std::string_view field) const;
};

// Nothing when a problem was found.
std::optional<Pipeline> ParsePipeline(const Node& document, std::vector<Problem>* problems);

// Windows and Sysmon as event log, Winlogbeat, NXLog and plain JSON name their fields; ECS and
// OpenTelemetry names.
const Pipeline& BuiltinPipeline();

// The ways in which a record can belong to a log source: each source of the pipeline that has all
// parts of it, and the fields logsource.product, .category and .service of the record itself.
std::vector<PipelineSource> RoutesOf(const LogSource& source, const Pipeline& pipeline);

}  // namespace neurallog::rules
