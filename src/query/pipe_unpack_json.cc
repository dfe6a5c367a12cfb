// `unpack_json [if (filter)] [from field] [fields (a, b*)] [result_prefix p] [keep_original_fields]
// [skip_empty_results]`: the members of a JSON object as fields, inner objects with dots. Null is the
// empty value.
#include "base/json_value.h"
#include "query/json_print.h"
#include "query/unpack_pipe.h"

namespace neurallog::query {
namespace {

class JsonUnpacker : public Unpacker {
 public:
  void Unpack(std::string_view value, std::vector<Cell>* cells) const override {
    const size_t begin = std::min(value.find_first_not_of(" \t\r\n"), value.size());
    if (value.substr(begin, 1) != "{") return;
    const auto document = base::ParseJson(value);
    if (document.ok()) AddMembers(*document, {}, cells);
  }

 private:
  static void AddMembers(const base::JsonValue& object, const std::string& prefix,
                         std::vector<Cell>* cells) {
    using Kind = base::JsonValue::Kind;
    for (size_t i = 0; i < object.items().size(); ++i) {
      const base::JsonValue& member = object.items()[i];
      std::string name = prefix + object.names()[i];
      switch (member.kind()) {
        case Kind::kObject: AddMembers(member, name + ".", cells); break;
        case Kind::kNull: cells->push_back({std::move(name), {}, ValueType::kNull}); break;
        case Kind::kBool:
          cells->push_back({std::move(name), member.text(), ValueType::kBool});
          break;
        case Kind::kNumber:
          cells->push_back({std::move(name), member.text(), ValueType::kNumber});
          break;
        case Kind::kString: cells->push_back({std::move(name), member.text()}); break;
        case Kind::kArray:
          cells->push_back({std::move(name), {}, ValueType::kArray});
          AppendJson(&cells->back().value, member);
          break;
      }
    }
  }
};

}  // namespace

PipeResult ParsePipeUnpackJson(const PipeParse& parse) {
  UnpackSpec spec;
  NL_TRY(spec.condition, Condition::Parse(parse.lexer, parse.options));
  NL_RETURN_IF_ERROR(ParseUnpackSource(parse.lexer, &spec));
  NL_RETURN_IF_ERROR(ParseUnpackFields(parse.lexer, &spec));
  NL_RETURN_IF_ERROR(ParseUnpackOptions(parse.lexer, &spec));
  spec.unpacker = std::make_unique<JsonUnpacker>();
  return MakeUnpackPipe(parse.name, std::move(spec));
}

}  // namespace neurallog::query
