// Builds and decodes blocks of 16,384 rows from a file of NDJSON logs:
//
//   block_bench logs.ndjson [rows] [rows per batch]
//
// and prints nanoseconds of CPU per row for building (with and without the list of tokens) and for
// decoding all columns, bytes per row,
// and the size and encoding of each column. Each figure is the sum over the blocks of the best of
// several rounds: the machine is shared.
#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <map>
#include <string>

#include "block/block.h"
#include "index/token_set.h"
#include "model/record_batch.h"
#include "simdjson.h"

namespace {

using namespace neurallog;

constexpr size_t kBlockRows = 16384;
constexpr int kRounds = 21;

// CPU time of this thread.
double CpuNs() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

// "2025-06-01T00:00:00.018Z"; the rest of the field is ignored.
int64_t ParseTime(std::string_view text) {
  int year, month, day, hour, minute, second, ms;
  if (std::sscanf(std::string(text).c_str(), "%d-%d-%dT%d:%d:%d.%d", &year, &month, &day, &hour,
                  &minute, &second, &ms) != 7)
    return 0;
  const std::chrono::sys_days date = std::chrono::year(year) / month / day;
  const int64_t seconds =
      date.time_since_epoch().count() * int64_t{86'400} + hour * 3600 + minute * 60 + second;
  return (seconds * 1000 + ms) * 1'000'000;
}

void AddValue(model::RecordBatchBuilder* builder, const std::string& name,
              simdjson::dom::element value) {
  switch (value.type()) {
    case simdjson::dom::element_type::OBJECT:
      for (const auto [key, inner] : value.get_object())
        AddValue(builder, name + "." + std::string(key), inner);
      return;
    case simdjson::dom::element_type::STRING:
      return builder->AddField(builder->NameId(name), ValueType::kString,
                               value.get_string().value());
    case simdjson::dom::element_type::BOOL:
      return builder->AddField(builder->NameId(name), ValueType::kBool,
                               value.get_bool().value() ? "true" : "false");
    case simdjson::dom::element_type::NULL_VALUE:
      return builder->AddField(builder->NameId(name), ValueType::kNull, "");
    case simdjson::dom::element_type::ARRAY:
      return builder->AddField(builder->NameId(name), ValueType::kArray, simdjson::minify(value));
    default:
      return builder->AddField(builder->NameId(name), ValueType::kNumber, simdjson::minify(value));
  }
}

struct Rows {
  std::vector<std::shared_ptr<const model::RecordBatch>> batches;
  std::vector<block::RowRef> refs;
  size_t json_bytes = 0;
};

Rows Load(const char* path, size_t rows_max, size_t rows_per_batch) {
  Rows rows;
  std::ifstream file(path);
  simdjson::dom::parser parser;
  std::string line;
  for (bool more = true; more && rows.refs.size() < rows_max;) {
    model::RecordBatchBuilder builder(rows_per_batch * 300);
    while (builder.rows() < rows_per_batch &&
           (more = static_cast<bool>(std::getline(file, line)))) {
      rows.json_bytes += line.size() + 1;
      int64_t time = 0;
      builder.BeginRow();
      for (const auto [key, value] : parser.parse(line).get_object()) {
        if (key == "timestamp") time = ParseTime(value.get_string().value());
        else AddValue(&builder, std::string(key), value);
      }
      builder.EndRow(time);
    }
    if (builder.rows() == 0) break;
    rows.batches.push_back(builder.Finish());
    const char* at = rows.batches.back()->first_row();
    for (uint32_t i = 0; i < rows.batches.back()->rows(); ++i) {
      const model::RowReader reader(at);
      rows.refs.push_back({rows.batches.back().get(), at, reader.timestamp_ns()});
      at = reader.next_row();
    }
  }
  return rows;
}

struct Best {
  double build = 1e30;
  double with_tokens = 1e30;
  double decode = 1e30;
  double memory = 1e30;

  void Lower(const Best& other) {
    build = std::min(build, other.build);
    with_tokens = std::min(with_tokens, other.with_tokens);
    decode = std::min(decode, other.decode);
    memory = std::min(memory, other.memory);
  }
};

void PrintColumns(const std::vector<block::BuiltBlock>& blocks, size_t rows) {
  constexpr const char* kEncodings[] = {"const",     "dict", "ints", "strings",
                                        "templates", "hex",  "ipv4", "decimal"};
  struct Sum {
    double bytes = 0;
    size_t present = 0;
    std::array<int, block::kEncodings> encodings{};
  };
  std::map<std::string, Sum> sums;
  size_t header_bytes = 0;
  for (const block::BuiltBlock& built : blocks) {
    const auto header = block::BlockHeader::Decode(built.header).value();
    header_bytes += built.header.size();
    for (const block::ColumnMeta& column : header->columns) {
      Sum& sum = sums[column.name];
      sum.bytes += column.chunk_bytes;
      sum.present += column.present_rows;
      ++sum.encodings[static_cast<size_t>(column.encoding)];
    }
  }
  for (const auto& [name, sum] : sums) {
    fmt::print("  {:<24} {:7.3f} B/row {:5.1f} % present ", name,
               sum.bytes / static_cast<double>(rows),
               100.0 * static_cast<double>(sum.present) / static_cast<double>(rows));
    for (size_t i = 0; i < block::kEncodings; ++i)
      if (sum.encodings[i] > 0) fmt::print(" {} x{}", kEncodings[i], sum.encodings[i]);
    fmt::print("\n");
  }
  fmt::print("  header {} B per block\n", header_bytes / blocks.size());
}

void DecodeAll(const block::BuiltBlock& built) {
  const auto header = block::BlockHeader::Decode(built.header).value();
  size_t next = 0;
  size_t memory = 0;
  for (size_t i = 0; i < header->columns.size(); ++i) {
    const block::ColumnMeta& meta = header->columns[i];
    const std::string& chunk =
        meta.inline_chunk.empty() ? built.chunks[next++].bytes : meta.inline_chunk;
    memory += block::DecodeColumn(meta, header->rows, chunk).value().memory_bytes();
  }
  if (memory == 0) std::abort();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2)
    return std::fprintf(stderr, "usage: block_bench logs.ndjson [rows] [rows per batch]\n"), 2;
  const size_t rows_max = argc > 2 ? std::stoul(argv[2]) : 16 * kBlockRows;
  Rows rows = Load(argv[1], rows_max, argc > 3 ? std::stoul(argv[3]) : 500);
  const size_t blocks = rows.refs.size() / kBlockRows;
  const size_t used = blocks * kBlockRows;
  if (blocks == 0) return std::fprintf(stderr, "fewer than %zu rows\n", kBlockRows), 2;

  std::vector<Best> best(blocks);
  std::vector<block::BuiltBlock> built(blocks);
  const std::vector<block::RowRef> unsorted = rows.refs;
  index::TokenSet tokens;
  for (int round = 0; round < kRounds; ++round) {
    rows.refs = unsorted;
    for (size_t b = 0; b < blocks; ++b) {
      const std::span<block::RowRef> refs =
          std::span(rows.refs).subspan(b * kBlockRows, kBlockRows);
      std::vector<block::RowRef> copy(refs.begin(), refs.end());
      std::vector<block::RowRef> again = copy;
      const double begin = CpuNs();
      block::BuildBlock(again, {.tokens = &tokens});
      const double start = CpuNs();
      built[b] = block::BuildBlock(refs, {});
      const double built_at = CpuNs();
      DecodeAll(built[b]);
      const double decoded_at = CpuNs();
      const block::MemoryBlock memory({}, std::move(copy));
      const double gathered_at = CpuNs();
      best[b].Lower({built_at - start, start - begin, decoded_at - built_at, gathered_at - decoded_at});
    }
  }
  Best sum{0, 0, 0, 0};
  for (const Best& each : best)
    sum = {sum.build + each.build, sum.with_tokens + each.with_tokens, sum.decode + each.decode, sum.memory + each.memory};
  size_t bytes = 0;
  for (const block::BuiltBlock& each : built) {
    bytes += each.header.size();
    for (const auto& chunk : each.chunks) bytes += chunk.bytes.size();
  }
  const auto per_row = [used](double total) { return total / static_cast<double>(used); };
  fmt::print("{} rows, {} B JSON/row\n", used, rows.json_bytes / rows.refs.size());
  fmt::print(
      "build {:.0f} ns/row, with tokens {:.0f}, {:.2f} B/row, decode all {:.1f} ns/row, memory block {:.0f} ns/row\n",
      per_row(sum.build), per_row(sum.with_tokens), per_row(static_cast<double>(bytes)), per_row(sum.decode),
      per_row(sum.memory));
  PrintColumns(built, used);
}
