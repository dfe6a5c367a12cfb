// Pipes that make fields of a field's value: extract, extract_regexp, unpack_json, unpack_logfmt and
// unpack_syslog.
//
// A field that a value does not yield keeps what it had; fields that are named in the query are
// emptied instead. A value is taken apart once per entry of a dictionary.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "query/rewrite_pipe.h"

namespace neurallog::query {

// Takes a value apart. Immutable.
class Unpacker {
 public:
  struct Cell {
    std::string name;  // not the stored one yet
    std::string value;
    ValueType type = ValueType::kString;
  };
  virtual ~Unpacker() = default;
  virtual void Unpack(std::string_view value, std::vector<Cell>* cells) const = 0;
};

struct UnpackSpec {
  Condition condition;
  FieldPattern source;
  std::unique_ptr<Unpacker> unpacker;
  std::vector<FieldPattern> fields;  // that are wanted; empty: all
  std::string prefix;                // of the names of results
  bool keeps_original = false;       // what has a value keeps it
  bool skips_empty = false;          // an empty result leaves what was there
  std::string head;                  // prints before the source, and names the fields
  std::string tail;                  // prints behind the source
};

// `[from] [field]`, unless an option follows.
Status ParseUnpackSource(filter::Lexer* lexer, UnpackSpec* spec);
// `[fields (a, b*)]`
Status ParseUnpackFields(filter::Lexer* lexer, UnpackSpec* spec);
// `[result_prefix text] [keep_original_fields] [skip_empty_results]`
Status ParseUnpackOptions(filter::Lexer* lexer, UnpackSpec* spec);
std::unique_ptr<Pipe> MakeUnpackPipe(std::string_view name, UnpackSpec spec);

}  // namespace neurallog::query
