// Any query that parses has an answer or an error that names a reason, the same on rows that are sealed as
// on rows that are not, and gives back all memory.
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "query/execution.h"
#include "query/pipe.h"
#include "query/query.h"
#include "support/memory_blocks.h"

namespace neurallog {
namespace {

constexpr int64_t kStartNs = 1'748'736'000'000'000'000;

void Check(bool condition) {
  if (!condition) std::abort();
}

std::vector<testing::TestRecord> Records() {
  constexpr int kRecords = 30;
  std::vector<testing::TestRecord> records;
  for (int i = 0; i < kRecords; ++i) {
    const std::string number = std::to_string(i);
    testing::TestRecord& record = records.emplace_back();
    record.timestamp_ns = kStartNs + i / 2 * int64_t{1'000'000'000};
    const auto add = [&](const char* name, ValueType type, const std::string& value) {
      record.fields.push_back({name, type, value});
    };
    add("message", ValueType::kString,
        i % 3 == 0 ? "disk full on /dev/sda" + number : "user=a" + number);
    add("level", ValueType::kString, i % 4 == 0 ? "error" : "info");
    if (i % 5 != 0) add("source", ValueType::kString, i % 2 == 0 ? "api" : "db");
    add("n", ValueType::kNumber, number);
    add("a", ValueType::kArray, "[\"x\",{\"b\":" + number + "}]");
    if (i % 7 == 0) add("b", ValueType::kString, "{\"c\":\"1.5\",\"d\":{\"e\":null}}");
    add("ip", ValueType::kString, "10.0.0." + number);
    if (i % 2 == 0) add("f.g", ValueType::kNumber, number + ".25");
  }
  return records;
}

struct Outcome {
  Status status;
  std::string lines;
};

Outcome Run(query::Query query, const std::shared_ptr<const block::BlockSet>& blocks) {
  query::MemoryPool pool;
  Outcome outcome;
  {
    query::ExecuteOptions options;
    options.memory_bytes_max = 1 << 20;
    options.memory_pool = &pool;
    options.deadline_monotonic_ns = options.clock->MonotonicNs() + 500'000'000;
    query::Execution execution(std::move(query), blocks, options);
    constexpr size_t kLinesMax = 1 << 20;
    for (bool more = true; more && outcome.lines.size() < kLinesMax;) {
      const auto next = execution.Next(64 << 10, &outcome.lines);
      outcome.status = next.status();
      more = next.ok() && *next;
    }
  }
  Check(pool.used == 0);
  return outcome;
}

bool IsExpected(const Status& status) {
  return status.ok() ||
         ((status.code() == Code::kInvalidArgument || status.code() == Code::kResourceExhausted ||
           status.code() == Code::kDeadlineExceeded) &&
          !status.message().empty());
}

// Answers that change from run to run, or with what is measured.
bool IsSteady(std::string_view text) {
  for (const char* name : {"rand", "sample", "block_stats"})
    if (text.find(name) != std::string_view::npos) return false;
  return true;
}

}  // namespace
}  // namespace neurallog

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using neurallog::testing::TestBlockSet;
  static const auto memory =
      std::make_shared<const TestBlockSet>(neurallog::Records(), 8, TestBlockSet::Form::kMemory);
  static const auto sealed =
      std::make_shared<const TestBlockSet>(neurallog::Records(), 8, TestBlockSet::Form::kSealed);
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto parse = [text] {
    return neurallog::query::ParseQuery(text, {.now_ns = neurallog::kStartNs + 20'000'000'000});
  };
  auto query = parse();
  if (!query.ok()) return 0;
  auto again = parse();
  const std::string printed = ToText(*query);
  const auto one = neurallog::Run(std::move(*query), memory);
  const auto other = neurallog::Run(std::move(*again), sealed);
  neurallog::Check(neurallog::IsExpected(one.status) && neurallog::IsExpected(other.status));
  if (one.status.ok() && other.status.ok() && neurallog::IsSteady(printed))
    neurallog::Check(one.lines == other.lines);
  return 0;
}
