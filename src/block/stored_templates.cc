// Reading the stored form of a kTemplates column: templates, which of them each value has, streams.
#include <fmt/format.h>

#include <algorithm>

#include "block/blob.h"
#include "block/block.h"
#include "block/block_format.h"
#include "block/template_decoder.h"
#include "block/template_parser.h"

namespace neurallog::block {
namespace {

constexpr size_t kStreamBytesMin = 64 << 10;

}  // namespace

// A column cannot hold more than this in any stream unless it lies about its lengths.
uint64_t StoredTemplates::stream_bytes_max() const {
  return std::min(kColumnBytesMax,
                  uint64_t{values_} * (uint64_t{length_max_} + kNumberBytesMax) + kStreamBytesMin);
}

Status StoredTemplates::ReadTemplates(base::ByteReader* reader) {
  uint64_t count = reader->ReadVarint();
  is_joined_ = count == kJoinedTemplates;
  if (is_joined_) count = reader->ReadVarint();
  if (count == 0 || count > kTemplatesMax || count > values_)
    return Corruption(fmt::format("{} templates for {} values", count, values_));
  count_ = count;
  paths_.resize(count);
  NL_RETURN_IF_ERROR(ReadTexts(reader));
  if (is_joined_) NL_RETURN_IF_ERROR(ReadHeads(reader));
  return ReadIds(reader);
}

Status StoredTemplates::ReadTexts(base::ByteReader* reader) {
  NL_RETURN_IF_ERROR(DecodeBlob(reader, paths_.size() * (kTemplateTextMax + 1), &template_bytes_));
  std::string_view left = template_bytes_.view();
  for (Path& each : paths_) {
    const size_t end = left.find(kTemplateEnd);
    if (end == std::string_view::npos) return Corruption("template texts end early");
    each.text = left.substr(0, end);
    each.slots =
        static_cast<uint32_t>(std::count(each.text.begin(), each.text.end(), kVariableMark));
    if (each.slots > kVariablesMax)
      return Corruption(fmt::format("a template with {} variables", each.slots));
    left.remove_prefix(end + 1);
  }
  if (!left.empty()) return Corruption(fmt::format("{} bytes after the templates", left.size()));
  return Status::Ok();
}

Status StoredTemplates::ReadHeads(base::ByteReader* reader) {
  base::Buffer bytes;
  NL_RETURN_IF_ERROR(DecodeBlob(reader, (count_ + kHeadsMax) * 2 * base::kVarintBytesMax, &bytes));
  base::ByteReader heads(bytes.view());
  for (uint32_t i = 0; i < count_; ++i) {
    Path& each = paths_[i];
    const uint64_t shared = heads.ReadVarint();
    const uint64_t distance = shared > 0 ? heads.ReadVarint() : 0;
    if (shared == 0) continue;
    if (distance == 0 || distance > i || shared > each.slots || shared > paths_[i - distance].slots)
      return Corruption(
          fmt::format("template {} shares {} slots with {} before", i, shared, distance));
    each.parent = i - static_cast<uint32_t>(distance);
    each.shared = static_cast<uint32_t>(shared);
  }
  while (heads.ok() && !heads.empty()) {
    const uint64_t slots = heads.ReadVarint();
    const uint64_t parent = heads.ReadVarint();
    if (parent >= count_ || slots == 0 || slots > paths_[parent].slots ||
        paths_.size() == count_ + kHeadsMax)
      return Corruption(fmt::format("a head of {} slots of template {}", slots, parent));
    Path& head = paths_.emplace_back();
    head.parent = static_cast<uint32_t>(parent);
    head.shared = static_cast<uint32_t>(slots);
    head.slots = head.shared + 1;
    head.text = paths_[parent].text;
  }
  return heads.ok() ? Status::Ok() : Corruption("heads end early");
}

Status StoredTemplates::ReadIds(base::ByteReader* reader) {
  ids_.assign(values_, 0);
  for (int shift = 0; shift == 0 || (shift == 8 && paths_.size() >= 256); shift += 8) {
    base::Buffer plane;
    NL_RETURN_IF_ERROR(DecodeBlob(reader, values_, &plane));
    if (plane.size() != values_)
      return Corruption(fmt::format("{} template numbers for {} values", plane.size(), values_));
    for (uint32_t i = 0; i < values_; ++i)
      ids_[i] = static_cast<uint16_t>(
          ids_[i] | static_cast<unsigned>(static_cast<unsigned char>(plane.data()[i])) << shift);
  }
  for (const uint16_t id : ids_) {
    if (id > paths_.size()) return Corruption(fmt::format("template {} of {}", id, paths_.size()));
    uint32_t& count = id == count_ ? unsplit_ : paths_[PathOf(id)].rows;
    ++count;
  }
  return Status::Ok();
}

Status StoredTemplates::ReadStreams(base::ByteReader* reader) {
  for (base::Buffer& stream : streams_) {
    const bool is_texts = &stream == &streams_[static_cast<size_t>(Stream::kTexts)];
    NL_RETURN_IF_ERROR(DecodeBlob(reader, stream_bytes_max(), &stream,
                                  is_texts ? template_bytes_.view() : std::string_view()));
    stream.Reserve(1);  // padding behind an empty one
  }
  return Status::Ok();
}

size_t StoredTemplates::memory_bytes() const {
  size_t bytes = template_bytes_.capacity() + paths_.capacity() * sizeof(Path) +
                 ids_.capacity() * sizeof(uint16_t);
  for (const base::Buffer& stream : streams_) bytes += stream.capacity();
  return bytes;
}

}  // namespace neurallog::block
