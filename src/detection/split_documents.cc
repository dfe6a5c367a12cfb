#include "detection/split_documents.h"

#include <algorithm>
#include <charconv>
#include <optional>

namespace neurallog::detection {
namespace {

bool IsSeparator(std::string_view line) {
  return line.starts_with("---") &&
         (line.size() == 3 || line[3] == ' ' || line[3] == '\r' || line[3] == '\t');
}

bool IsBlank(std::string_view line) {
  const size_t first = line.find_first_not_of(" \t\r");
  return first == std::string_view::npos || line[first] == '#';
}

constexpr size_t kTarBlock = 512;

// A field of a tar header ends at its first NUL.
std::string_view TarField(std::string_view header, size_t offset, size_t bytes) {
  const std::string_view field = header.substr(offset, bytes);
  return field.substr(0, field.find('\0'));
}

// Octal, with blanks around.
std::optional<size_t> TarNumber(std::string_view header, size_t offset, size_t bytes) {
  std::string_view field = TarField(header, offset, bytes);
  while (field.starts_with(' ')) field.remove_prefix(1);
  field = field.substr(0, field.find(' '));
  size_t number = 0;
  const auto [end, error] =
      std::from_chars(field.data(), field.data() + field.size(), number, /*base=*/8);
  if (error != std::errc() || end != field.data() + field.size()) return std::nullopt;
  return number;
}

std::string TarName(std::string_view header) {
  std::string name(TarField(header, 345, 155));
  if (!name.empty()) name.push_back('/');
  return name.append(TarField(header, 0, 100));
}

// "27 path=rules/long/name.yml\n" among other records of the kind.
std::string PaxPath(std::string_view records) {
  constexpr std::string_view kKey = " path=";
  const size_t at = records.find(kKey);
  if (at == std::string_view::npos) return {};
  const std::string_view rest = records.substr(at + kKey.size());
  return std::string(rest.substr(0, rest.find('\n')));
}

bool HoldsRules(std::string_view name) {
  return name.ends_with(".yml") || name.ends_with(".yaml") || name.ends_with(".json");
}

}  // namespace

bool IsTar(std::string_view bytes) {
  return bytes.size() >= kTarBlock && bytes.substr(257, 5) == "ustar";
}

Result<std::vector<DocumentText>> SplitTar(std::string_view bytes) {
  std::vector<DocumentText> documents;
  std::string long_name;
  while (IsTar(bytes)) {
    const std::string_view header = bytes.substr(0, kTarBlock);
    bytes.remove_prefix(kTarBlock);
    const auto size = TarNumber(header, 124, 12);
    if (!size || *size > bytes.size())
      return InvalidArgument("the tar archive is cut off or damaged");
    const std::string_view content = bytes.substr(0, *size);
    bytes.remove_prefix(std::min((*size + kTarBlock - 1) / kTarBlock * kTarBlock, bytes.size()));
    const char type = header[156];
    if (type == 'L') long_name = content.substr(0, content.find('\0'));
    if (type == 'x') long_name = PaxPath(content);
    if (type == 'L' || type == 'x') continue;
    const std::string name = long_name.empty() ? TarName(header) : std::move(long_name);
    long_name.clear();
    if ((type != '0' && type != '\0') || !HoldsRules(name)) continue;
    for (DocumentText& document : SplitDocuments(content)) {
      document.file = name;
      documents.push_back(std::move(document));
    }
  }
  return documents;
}

std::vector<DocumentText> SplitDocuments(std::string_view text) {
  std::vector<DocumentText> documents;
  DocumentText current;
  bool is_blank = true;
  const auto end_document = [&](uint64_t next_line) {
    if (!is_blank) documents.push_back(std::move(current));
    current = {"", next_line, ""};
    is_blank = true;
  };
  for (uint64_t number = 1; !text.empty(); ++number) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (IsSeparator(line)) {
      line.remove_prefix(3);  // a document may begin behind it
      const bool is_alone = IsBlank(line);
      end_document(is_alone ? number + 1 : number);
      if (is_alone) continue;
    }
    is_blank = is_blank && IsBlank(line);
    current.text.append(line).append("\n");
  }
  end_document(0);
  return documents;
}

}  // namespace neurallog::detection
