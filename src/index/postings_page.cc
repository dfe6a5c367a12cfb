#include "index/postings_page.h"

#include <fmt/format.h>

#include <bit>

#include "base/check.h"
#include "index/bit_stream.h"
#include "index/stored.h"

namespace neurallog::index {
namespace {

// A count less two fits as well, since no list is longer than the segment has blocks.
int FieldBits(uint32_t blocks) { return blocks <= 1 ? 0 : std::bit_width(blocks - 1); }

// The Rice parameter for `count` of `blocks` numbers. 0 makes the list a bitmap.
int ListRice(uint32_t count, uint32_t blocks) {
  const uint32_t gap = blocks / count * 2 / 3;
  return gap < 2 ? 0 : std::bit_width(gap) - 1;
}

size_t ListBits(std::span<const uint32_t> blocks, int k) {
  size_t bits = 0;
  uint32_t next = 0;
  for (uint32_t block : blocks) {
    bits += ((block - next) >> k) + 1 + static_cast<size_t>(k);
    next = block + 1;
  }
  return bits;
}

void WriteList(std::span<const uint32_t> blocks, int k, BitWriter* to) {
  uint32_t next = 0;
  for (uint32_t block : blocks) {
    to->WriteRice(block - next, k);
    next = block + 1;
  }
}

// Appends the list to `to`, unless that is nullptr.
Status ReadList(uint32_t count, uint32_t blocks, BitReader* from, std::vector<uint32_t>* to) {
  const int k = ListRice(count, blocks);
  uint64_t next = 0;
  for (uint32_t i = 0; i < count; ++i) {
    const uint64_t block = next + from->ReadRice(k);
    if (block >= blocks || !from->ok())
      return Corruption(fmt::format("postings page: block {} of {}", block, blocks));
    if (to != nullptr) to->push_back(static_cast<uint32_t>(block));
    next = block + 1;
  }
  return Status::Ok();
}

}  // namespace

PostingsPageBuilder::PostingsPageBuilder(uint32_t blocks) : blocks_(blocks) {}

void PostingsPageBuilder::Add(TokenHash hash, std::span<const uint32_t> blocks) {
  NL_DCHECK(hashes_.empty() || hash > hashes_.back());
  NL_DCHECK(!blocks.empty() && blocks.back() < blocks_);
  const bool several = blocks.size() > 1;
  const auto count = static_cast<uint32_t>(blocks.size());
  hashes_.push_back(hash);
  several_.push_back(several);
  fields_.push_back(several ? count - 2 : blocks[0]);
  if (!several) return;
  list_blocks_.insert(list_blocks_.end(), blocks.begin(), blocks.end());
  list_bits_ += ListBits(blocks, ListRice(count, blocks_));
}

// Looks at every eighth token only, but at each when lists are long.
bool PostingsPageBuilder::full() const {
  if (hashes_.empty() || (hashes_.size() % 8 != 0 && list_bits_ < kPageBytes * 4)) return false;
  const uint64_t range = uint64_t{hashes_.back()} - hashes_.front() + 1;
  const size_t fixed = hashes_.size() * static_cast<size_t>(1 + FieldBits(blocks_));
  return EliasFanoBits(hashes_.size(), range) + fixed + list_bits_ >= kPageBytes * 8;
}

std::string PostingsPageBuilder::Finish() {
  std::string page;
  base::AppendLe<uint32_t>(&page, hashes_.front());
  AppendEliasFano(hashes_, hashes_.front(), &page);
  BitWriter several(&page);
  for (bool bit : several_) several.Write(bit, 1);
  several.Finish();
  BitWriter fields(&page);
  for (uint32_t field : fields_) fields.Write(field, FieldBits(blocks_));
  fields.Finish();
  BitWriter lists(&page);
  size_t begin = 0;
  for (size_t i = 0; i < hashes_.size(); ++i) {
    if (!several_[i]) continue;
    const uint32_t count = fields_[i] + 2;
    WriteList(std::span(list_blocks_).subspan(begin, count), ListRice(count, blocks_), &lists);
    begin += count;
  }
  lists.Finish();
  Seal(&page);
  hashes_.clear();
  fields_.clear();
  several_.clear();
  list_blocks_.clear();
  list_bits_ = 0;
  return page;
}

Result<PostingsPage> PostingsPage::Decode(std::string_view bytes, uint32_t blocks) {
  NL_TRY(const std::string_view body, Unseal(bytes, "postings page"));
  base::ByteReader reader(body);
  const auto first_hash = reader.ReadLe<uint32_t>();
  NL_TRY(const EliasFano hashes, EliasFano::Decode(first_hash, &reader));
  PostingsPage page(hashes, blocks);
  page.field_bits_ = FieldBits(blocks);
  page.several_ = reader.ReadBytes(BytesOfBits(hashes.size()));
  page.fields_ =
      reader.ReadBytes(BytesOfBits(hashes.size() * static_cast<size_t>(page.field_bits_)));
  if (!reader.ok())
    return Corruption(fmt::format("postings page: {} tokens are cut off", hashes.size()));
  page.lists_ = reader.ReadBytes(reader.remaining());
  return page;
}

uint32_t PostingsPage::FieldAt(size_t index) const {
  return ReadBits(fields_, index * static_cast<size_t>(field_bits_), field_bits_);
}

bool PostingsPage::IsSeveral(size_t index) const { return ReadBits(several_, index, 1) != 0; }

uint32_t PostingsPage::CountOf(TokenHash hash) const {
  const auto index = hashes_.Find(hash);
  if (!index) return 0;
  return IsSeveral(*index) ? FieldAt(*index) + 2 : 1;
}

Status PostingsPage::Find(TokenHash hash, std::vector<uint32_t>* blocks) const {
  const auto index = hashes_.Find(hash);
  if (!index) return Status::Ok();
  const uint32_t field = FieldAt(*index);
  if (!IsSeveral(*index)) {
    if (field >= blocks_)
      return Corruption(fmt::format("postings page: block {} of {}", field, blocks_));
    blocks->push_back(field);
    return Status::Ok();
  }
  BitReader lists(lists_);
  for (size_t i = 0; i < *index; ++i)
    if (IsSeveral(i)) NL_RETURN_IF_ERROR(ReadList(FieldAt(i) + 2, blocks_, &lists, nullptr));
  return ReadList(field + 2, blocks_, &lists, blocks);
}

Result<PostingsPage::Entries> PostingsPage::ReadAll() const {
  Entries entries;
  entries.hashes = hashes_.ToVector();
  BitReader lists(lists_);
  for (size_t i = 0; i < hashes_.size(); ++i) {
    const uint32_t field = FieldAt(i);
    if (IsSeveral(i)) {
      NL_RETURN_IF_ERROR(ReadList(field + 2, blocks_, &lists, &entries.blocks));
    } else if (field < blocks_) {
      entries.blocks.push_back(field);
    } else {
      return Corruption(fmt::format("postings page: block {} of {}", field, blocks_));
    }
    entries.ends.push_back(static_cast<uint32_t>(entries.blocks.size()));
    if (i > 0 && entries.hashes[i] <= entries.hashes[i - 1])
      return Corruption("postings page: hashes do not ascend");
  }
  return entries;
}

}  // namespace neurallog::index
