// Both ways to make a segment end in a SegmentWriter, which takes tokens in ascending order. Building
// sorts the hash lists range by range; merging walks the inputs side by side.
#include <algorithm>
#include <array>
#include <queue>

#include "base/check.h"
#include "index/segment.h"

namespace neurallog::index {
namespace {

// Cuts tokens into pages. Not thread-safe.
class SegmentWriter {
 public:
  SegmentWriter(uint32_t blocks, const PutPage& put) : put_(put), page_(blocks) {
    directory_.blocks = blocks;
  }

  Status Add(TokenHash hash, std::span<const uint32_t> blocks) {
    page_.Add(hash, blocks);
    return page_.full() ? WritePage() : Status::Ok();
  }

  Result<SegmentDirectory> Finish() {
    if (!page_.empty()) NL_RETURN_IF_ERROR(WritePage());
    return std::move(directory_);
  }

 private:
  Status WritePage() {
    directory_.first_hashes.push_back(page_.first_hash());
    return put_(directory_.pages() - 1, page_.Finish());
  }

  const PutPage& put_;
  PostingsPageBuilder page_;
  SegmentDirectory directory_;
};

// A token and a block that holds it.
struct Posting {
  TokenHash hash;
  uint32_t block;
};

// Hashes are sorted a range of their highest bits at a time.
constexpr int kRangeBits = 8;

// Sorts hashes of one range and keeps the order of equal ones: least significant digit first.
void SortByHash(std::vector<Posting>* postings, std::vector<Posting>* scratch) {
  constexpr int kDigitBits = (32 - kRangeBits) / 2;
  constexpr size_t kDigits = size_t{1} << kDigitBits;
  scratch->resize(postings->size());
  for (int shift = 0; shift < 32 - kRangeBits; shift += kDigitBits) {
    std::array<uint32_t, kDigits + 1> ends{};
    for (const Posting& each : *postings) ++ends[(each.hash >> shift & (kDigits - 1)) + 1];
    for (size_t i = 1; i <= kDigits; ++i) ends[i] += ends[i - 1];
    for (const Posting& each : *postings)
      (*scratch)[ends[each.hash >> shift & (kDigits - 1)]++] = each;
    postings->swap(*scratch);
  }
}

Status WriteSorted(const std::vector<Posting>& postings, SegmentWriter* writer) {
  std::vector<uint32_t> blocks;
  for (size_t i = 0; i < postings.size();) {
    const TokenHash hash = postings[i].hash;
    blocks.clear();
    for (; i < postings.size() && postings[i].hash == hash; ++i)
      if (blocks.empty() || blocks.back() != postings[i].block) blocks.push_back(postings[i].block);
    NL_RETURN_IF_ERROR(writer->Add(hash, blocks));
  }
  return Status::Ok();
}

// One input of a merge, page by page. Not thread-safe.
class InputWalk {
 public:
  explicit InputWalk(const MergeInput* input) : input_(input) {}

  TokenHash hash() const { return entries_.hashes[at_]; }

  // Goes to the next token; false behind the last one.
  Result<bool> Next() {
    for (++at_; at_ >= entries_.hashes.size(); at_ = 0) {
      if (next_page_ == input_->directory->pages()) return false;
      NL_TRY(const PageBytes bytes, input_->fetch(next_page_));
      NL_TRY(const PostingsPage page, PostingsPage::Decode(*bytes, input_->directory->blocks));
      NL_TRY(entries_, page.ReadAll());
      NL_RETURN_IF_ERROR(CheckRange());
      ++next_page_;
      if (!entries_.hashes.empty()) last_ = entries_.hashes.back();
    }
    return true;
  }

  void AppendBlocks(std::vector<uint32_t>* to) const {
    const uint32_t begin = at_ == 0 ? 0 : entries_.ends[at_ - 1];
    for (uint32_t i = begin; i < entries_.ends[at_]; ++i) {
      const uint32_t number = input_->new_numbers[entries_.blocks[i]];
      if (number != MergeInput::kDropped) to->push_back(number);
    }
  }

 private:
  // A page must not begin before the end of the last one.
  Status CheckRange() const {
    if (next_page_ > 0 && !entries_.hashes.empty() && entries_.hashes.front() <= last_)
      return Corruption("postings page: it overlaps the one before");
    return Status::Ok();
  }

  const MergeInput* input_;
  uint32_t next_page_ = 0;
  PostingsPage::Entries entries_;
  size_t at_ = SIZE_MAX;
  TokenHash last_ = 0;
};

using Head = std::pair<TokenHash, size_t>;  // the next token of an input, and which one
using Heads = std::priority_queue<Head, std::vector<Head>, std::greater<>>;

// Moves an input on and puts it back among the heads.
Status Advance(size_t input, std::vector<InputWalk>* walks, Heads* heads, size_t* bad) {
  Result<bool> more = (*walks)[input].Next();
  if (!more.ok()) {
    *bad = input;
    return more.status();
  }
  if (*more) heads->push({(*walks)[input].hash(), input});
  return Status::Ok();
}

uint32_t CountBlocksOf(std::span<const MergeInput> inputs) {
  uint32_t blocks = 0;
  for (const MergeInput& input : inputs) {
    NL_CHECK(input.new_numbers.size() == input.directory->blocks);
    for (uint32_t number : input.new_numbers)
      if (number != MergeInput::kDropped) blocks = number + 1;
  }
  return blocks;
}

}  // namespace

Result<SegmentDirectory> BuildSegment(std::span<const HashList> lists, const PutPage& put) {
  NL_CHECK(!lists.empty() && lists.size() <= kSegmentBlocksMax);
  SegmentWriter writer(static_cast<uint32_t>(lists.size()), put);
  std::vector<EliasFano::Cursor> cursors;
  for (const HashList& list : lists) cursors.emplace_back(list.hashes());
  std::vector<Posting> postings;
  std::vector<Posting> scratch;
  for (uint32_t range = 0; range < 1u << kRangeBits; ++range) {
    postings.clear();
    for (uint32_t block = 0; block < cursors.size(); ++block) {
      EliasFano::Cursor& cursor = cursors[block];
      for (; !cursor.done() && cursor.value() >> (32 - kRangeBits) == range; cursor.Next())
        postings.push_back({cursor.value(), block});
    }
    SortByHash(&postings, &scratch);
    NL_RETURN_IF_ERROR(WriteSorted(postings, &writer));
  }
  return writer.Finish();
}

Result<SegmentDirectory> MergeSegments(std::span<const MergeInput> inputs, const PutPage& put,
                                       size_t* bad) {
  const uint32_t blocks = CountBlocksOf(inputs);
  NL_CHECK(blocks > 0 && blocks <= kSegmentBlocksMax);
  SegmentWriter writer(blocks, put);
  std::vector<InputWalk> walks;
  for (const MergeInput& input : inputs) walks.emplace_back(&input);
  Heads heads;
  for (size_t i = 0; i < walks.size(); ++i) NL_RETURN_IF_ERROR(Advance(i, &walks, &heads, bad));
  std::vector<uint32_t> numbers;
  while (!heads.empty()) {
    const TokenHash hash = heads.top().first;
    numbers.clear();
    while (!heads.empty() && heads.top().first == hash) {
      const size_t input = heads.top().second;
      heads.pop();
      walks[input].AppendBlocks(&numbers);
      NL_RETURN_IF_ERROR(Advance(input, &walks, &heads, bad));
    }
    if (!numbers.empty()) NL_RETURN_IF_ERROR(writer.Add(hash, numbers));
  }
  return writer.Finish();
}

}  // namespace neurallog::index
