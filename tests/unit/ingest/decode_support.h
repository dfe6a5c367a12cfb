// What the tests of the decoders share: bodies from text, rows back as text.
#pragma once

#include <cstdio>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/buffer.h"
#include "ingest/decoder_json.h"

namespace neurallog::ingest {

inline constexpr int64_t kArrivalNs = 1'700'000'000'000'000'000;

inline base::Buffer BodyOf(std::string_view text) {
  base::Buffer body;
  body.Append(text);
  return body;
}

struct RowText {
  int64_t timestamp_ns = 0;
  std::vector<std::string> fields;            // "name=type:value" in order
  std::map<std::string, std::string> values;  // the last of each name
};

inline const char* TypeName(ValueType type) {
  switch (type) {
    case ValueType::kString: return "string";
    case ValueType::kNumber: return "number";
    case ValueType::kBool: return "bool";
    case ValueType::kNull: return "null";
    case ValueType::kArray: return "array";
    case ValueType::kObject: return "object";
  }
  return "?";
}

// Goes through the stored form, whose reader checks every length, id and type.
inline std::vector<RowText> RowsOf(const DecodeResult& result) {
  std::string payload(model::RecordBatch::kHeaderBytes, '\0');
  result.batch->EncodeHeader(payload.data());
  payload.append(result.batch->names_bytes()).append(result.batch->rows_bytes());
  auto batch = model::RecordBatch::Decode(payload);
  if (!batch.ok()) throw std::runtime_error(batch.status().ToString());
  std::vector<RowText> rows;
  const char* at = (*batch)->first_row();
  for (uint32_t i = 0; i < (*batch)->rows(); ++i) {
    model::RowReader reader(at);
    RowText row;
    row.timestamp_ns = reader.timestamp_ns();
    for (model::Field field; reader.Next(&field);) {
      const std::string name((*batch)->names()[field.name_id]);
      row.fields.push_back(name + "=" + TypeName(field.type) + ":" + std::string(field.value));
      row.values[name] = std::string(field.value);
    }
    rows.push_back(std::move(row));
    at = reader.next_row();
  }
  return rows;
}

inline std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// What a command prints; empty when it fails.
inline std::string OutputOf(const std::string& command) {
  std::FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return {};
  std::string output;
  char chunk[65536];
  for (size_t bytes; (bytes = std::fread(chunk, 1, sizeof(chunk), pipe)) > 0;)
    output.append(chunk, bytes);
  return pclose(pipe) == 0 ? output : std::string();
}

inline const std::string kTortureDir = "/work/shared/data/json_torture/";

}  // namespace neurallog::ingest
