// One question to the index. The blocks are sorted by name once, so that the numbers of each segment
// can be laid over them; then each part of the query gives a bit per block.
//
// The tokens of one part are looked up together, and a block must have them all. A token that the
// first page looked into shows to be in more than half of the blocks is not looked up further: it
// would cost a page per segment and rule out little.
#include <algorithm>

#include "storage/token_index.h"

namespace neurallog::storage {
namespace {

constexpr uint32_t kNowhere = UINT32_MAX;
using Places = std::vector<uint32_t>;  // indexes of blocks

}  // namespace

class TokenLookup {
 public:
  TokenLookup(TokenIndex* index, const Keyspace& keyspace,
              std::span<const BlockEntry* const> blocks, const ReadView& view,
              uint64_t* pages_read)
      : index_(index), keyspace_(keyspace), blocks_(blocks), view_(view), pages_read_(pages_read) {
    MakeParts();
  }

  std::vector<bool> Evaluate(const index::TokenQuery& query) {
    switch (query.kind) {
      case index::TokenQuery::Kind::kAlways: break;
      case index::TokenQuery::Kind::kTokens: return EvaluateTokens(query.field, query.tokens);
      case index::TokenQuery::Kind::kAnd:
      case index::TokenQuery::Kind::kOr: return EvaluateChildren(query);
    }
    return std::vector<bool>(blocks_.size(), true);
  }

 private:
  // A segment over the blocks that were asked for.
  struct LaidSegment {
    std::shared_ptr<const IndexSegment> segment;
    Places places;  // by number; kNowhere for blocks that were not asked for
  };
  // The blocks of one partition.
  struct Part {
    const Partition* partition;
    Places by_name;
    std::vector<LaidSegment> segments;
    Places without_segment;
  };

  void MakeParts();
  void LaySegments(Part* part);

  std::vector<bool> EvaluateChildren(const index::TokenQuery& query);
  std::vector<bool> EvaluateTokens(const std::string& field, std::vector<index::TokenHash> tokens);
  // What the headers say: kNo for blocks without the field, kYes for those whose tokens are not in the
  // index.
  enum class Answer : uint8_t { kNo, kYes, kAsk };
  std::vector<Answer> AskHeaders(const std::string& field) const;
  void DropCommon(std::vector<index::TokenHash>* tokens);
  void AskSegment(const Part& part, const LaidSegment& laid,
                  const std::vector<index::TokenHash>& tokens, std::vector<Answer>* answers);
  Status FindAll(const Part& part, const LaidSegment& laid,
                 const std::vector<index::TokenHash>& tokens, std::vector<uint32_t>* numbers);
  Answer AskList(const Part& part, uint32_t place, const std::vector<index::TokenHash>& tokens);
  index::FetchPage Fetch(const Part& part, const IndexSegment& segment);

  const BlockId& NameOf(uint32_t place) const { return blocks_[place]->id; }

  TokenIndex* const index_;
  const Keyspace& keyspace_;
  const std::span<const BlockEntry* const> blocks_;
  const ReadView& view_;
  uint64_t* const pages_read_;
  std::vector<Part> parts_;
};

void TokenLookup::MakeParts() {
  for (uint32_t place = 0; place < blocks_.size(); ++place) {
    const Partition* partition = blocks_[place]->partition.get();
    const auto is_it = [partition](const Part& part) { return part.partition == partition; };
    // Blocks of a partition mostly stand together.
    if (parts_.empty() || !is_it(parts_.back())) {
      const auto part = std::find_if(parts_.begin(), parts_.end(), is_it);
      if (part == parts_.end()) parts_.push_back({partition, {}, {}, {}});
      else std::swap(*part, parts_.back());
    }
    parts_.back().by_name.push_back(place);
  }
  for (Part& part : parts_) LaySegments(&part);
}

void TokenLookup::LaySegments(Part* part) {
  Places& by_name = part->by_name;
  const auto less = [this](uint32_t a, uint32_t b) { return NameOf(a) < NameOf(b); };
  if (!std::is_sorted(by_name.begin(), by_name.end(), less))
    std::sort(by_name.begin(), by_name.end(), less);
  std::vector<bool> is_covered(by_name.size());
  const auto segments = index_->Segments(*part->partition, keyspace_);
  for (const auto& segment : segments->all) {
    LaidSegment laid{segment, Places(segment->blocks.size(), kNowhere)};
    size_t next = 0;  // where the following block stands if both orders are the same
    for (size_t number = 0; number < segment->blocks.size(); ++number) {
      const BlockId& name = segment->blocks[number];
      if (next == by_name.size() || NameOf(by_name[next]) != name) {
        const auto found =
            std::lower_bound(by_name.begin(), by_name.end(), name,
                             [this](uint32_t place, const BlockId& id) { return NameOf(place) < id; });
        if (found == by_name.end() || NameOf(*found) != name) continue;
        next = static_cast<size_t>(found - by_name.begin());
      }
      laid.places[number] = by_name[next];
      is_covered[next++] = true;
    }
    part->segments.push_back(std::move(laid));
  }
  for (size_t i = 0; i < by_name.size(); ++i)
    if (!is_covered[i]) part->without_segment.push_back(by_name[i]);
}

std::vector<bool> TokenLookup::EvaluateChildren(const index::TokenQuery& query) {
  const bool is_and = query.kind == index::TokenQuery::Kind::kAnd;
  std::vector<bool> result(blocks_.size(), is_and);
  for (const index::TokenQuery& child : query.children) {
    const std::vector<bool> one = Evaluate(child);
    for (size_t i = 0; i < one.size(); ++i)
      result[i] = is_and ? result[i] && one[i] : result[i] || one[i];
  }
  return result;
}

std::vector<bool> TokenLookup::EvaluateTokens(const std::string& field,
                                              std::vector<index::TokenHash> tokens) {
  std::vector<Answer> answers = AskHeaders(field);
  DropCommon(&tokens);
  for (const Part& part : parts_) {
    if (tokens.empty()) break;
    for (const LaidSegment& laid : part.segments) AskSegment(part, laid, tokens, &answers);
    for (uint32_t place : part.without_segment)
      if (answers[place] == Answer::kAsk) answers[place] = AskList(part, place, tokens);
  }
  std::vector<bool> result(answers.size());
  for (size_t i = 0; i < answers.size(); ++i) result[i] = answers[i] != Answer::kNo;
  return result;
}

std::vector<TokenLookup::Answer> TokenLookup::AskHeaders(const std::string& field) const {
  std::vector<Answer> answers(blocks_.size());
  int column = -1;
  for (size_t i = 0; i < blocks_.size(); ++i) {
    const block::BlockHeader& header = *blocks_[i]->header;
    column = header.FindColumn(field, column);
    answers[i] = column < 0                                                ? Answer::kNo
                 : header.columns[static_cast<size_t>(column)].indexed ? Answer::kAsk
                                                                           : Answer::kYes;
  }
  return answers;
}

void TokenLookup::DropCommon(std::vector<index::TokenHash>* tokens) {
  const Part* largest_part = nullptr;
  const LaidSegment* largest = nullptr;
  for (const Part& part : parts_)
    for (const LaidSegment& laid : part.segments)
      if (largest == nullptr || laid.places.size() > largest->places.size()) {
        largest_part = &part;
        largest = &laid;
      }
  if (largest == nullptr) return;
  std::erase_if(*tokens, [&](index::TokenHash token) {
    const auto count = index::CountBlocks(largest->segment->directory, token,
                                          Fetch(*largest_part, *largest->segment));
    return count.ok() && *count > largest->places.size() / 2;
  });
}

void TokenLookup::AskSegment(const Part& part, const LaidSegment& laid,
                             const std::vector<index::TokenHash>& tokens,
                             std::vector<Answer>* answers) {
  const auto is_asked = [&](uint32_t place) {
    return place != kNowhere && (*answers)[place] == Answer::kAsk;
  };
  if (std::none_of(laid.places.begin(), laid.places.end(), is_asked)) return;
  std::vector<uint32_t> numbers;
  const Status status = FindAll(part, laid, tokens, &numbers);
  if (!status.ok()) {
    // Pages of a segment that was merged just now are simply gone.
    if (status.code() != Code::kNotFound)
      index_->ReportDamage(*part.partition, keyspace_.PostingsPageKey(laid.segment->id, 0), status);
    return;
  }
  std::vector<bool> hits(laid.places.size());
  for (uint32_t number : numbers) hits[number] = true;
  for (size_t number = 0; number < hits.size(); ++number)
    if (!hits[number] && is_asked(laid.places[number])) (*answers)[laid.places[number]] = Answer::kNo;
}

// The numbers of the blocks that have all tokens.
Status TokenLookup::FindAll(const Part& part, const LaidSegment& laid,
                            const std::vector<index::TokenHash>& tokens,
                            std::vector<uint32_t>* numbers) {
  const index::FetchPage fetch = Fetch(part, *laid.segment);
  for (size_t i = 0; i < tokens.size() && (i == 0 || !numbers->empty()); ++i) {
    std::vector<uint32_t> found;
    NL_RETURN_IF_ERROR(index::FindBlocks(laid.segment->directory, tokens[i], fetch, &found));
    if (i == 0) {
      *numbers = std::move(found);
    } else {
      std::vector<uint32_t> both;
      std::set_intersection(numbers->begin(), numbers->end(), found.begin(), found.end(),
                            std::back_inserter(both));
      *numbers = std::move(both);
    }
  }
  return Status::Ok();
}

TokenLookup::Answer TokenLookup::AskList(const Part& part, uint32_t place,
                                         const std::vector<index::TokenHash>& tokens) {
  ++*pages_read_;
  const auto stored = index_->List(*part.partition, keyspace_, NameOf(place), view_);
  if (!stored->list) return Answer::kYes;
  return std::all_of(tokens.begin(), tokens.end(),
                     [&](index::TokenHash token) { return stored->list->MayContain(token); })
             ? Answer::kYes
             : Answer::kNo;
}

index::FetchPage TokenLookup::Fetch(const Part& part, const IndexSegment& segment) {
  return [this, &part, id = segment.id](uint32_t page) {
    ++*pages_read_;
    return index_->Page(*part.partition, keyspace_, id, page, view_);
  };
}

std::vector<bool> TokenIndex::FindCandidates(const index::TokenQuery& query,
                                             const Keyspace& keyspace,
                                             std::span<const BlockEntry* const> blocks,
                                             const ReadView& view, uint64_t* pages_read) {
  return TokenLookup(this, keyspace, blocks, view, pages_read).Evaluate(query);
}

}  // namespace neurallog::storage
