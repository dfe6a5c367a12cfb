// Random queries with pipes, together with their answer, worked out as directly as possible: rows are
// maps in a vector, and each pipe is a loop over them.
//
//   NaivePipes naive(&random, records);
//   const NaivePipes::Answer query = naive.Query();     // query.text and query.rows
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/time_format.h"
#include "query/value.h"
#include "support/naive_engine.h"
#include "support/random_queries.h"

namespace neurallog::testing {

class NaivePipes {
 public:
  // Values by stored names; the ones that are empty are left out.
  using Row = std::map<std::string, std::string>;
  struct Answer {
    std::string text;
    std::vector<Row> rows;
    bool is_ordered = false;  // else rows may come in any order
  };

  static constexpr int64_t kNowNs = RandomQueries::kStartNs + 1'000'000'000;

  // No two records may have the same time.
  NaivePipes(RandomQueries* random, const std::vector<TestRecord>& records)
      : random_(*random), records_(records) {
    std::sort(records_.begin(), records_.end(), [](const TestRecord& a, const TestRecord& b) {
      return a.timestamp_ns < b.timestamp_ns;
    });
  }

  Answer Query(int depth = 2) {
    // Most random filters match few rows.
    const auto filter = random_.Chance(2) ? filter::MakeFilter(filter::Filter::Kind::kAll)
                                          : random_.Filter(/*depth=*/1);
    Answer answer{filter::ToText(*filter), {}, false};
    std::vector<bool> matches;
    for (const TestRecord& record : records_)
      matches.push_back(NaiveEngine(kNowNs).Matches(*filter, record));
    if (random_.Chance(5)) {
      AddContext(matches, &answer);
    } else {
      for (size_t i = 0; i < records_.size(); ++i)
        if (matches[i]) answer.rows.push_back(RowOf(records_[i]));
    }
    for (uint64_t pipes = random_.Below(5); pipes > 0; --pipes) AddPipe(&answer, depth);
    return answer;
  }

 private:
  static Row RowOf(const TestRecord& record) {
    Row row;
    for (const TestField& field : record.fields) row[field.name] = field.value;
    row["_time"] = base::FormatRfc3339(record.timestamp_ns);
    row["_stream"] = NaiveEngine::ValueOf(record, "_stream");
    row["_stream_id"] = NaiveEngine::ValueOf(record, "_stream_id");
    std::erase_if(row, [](const auto& field) { return field.second.empty(); });
    return row;
  }
  static std::string Get(const Row& row, const std::string& name) {
    const auto value = row.find(name);
    return value == row.end() ? "" : value->second;
  }
  static void Set(Row* row, const std::string& name, const std::string& value) {
    row->erase(name);
    if (!value.empty()) (*row)[name] = value;
  }
  static int Compare(const std::string& a, const std::string& b) {
    query::Value x, y;
    x.Set(a), y.Set(b);
    return query::Compare(x, y);
  }
  static int CompareTimes(const Row& a, const Row& b) {
    const auto x = base::ParseRfc3339(Get(a, "_time")), y = base::ParseRfc3339(Get(b, "_time"));
    return x == y ? 0 : x < y ? -1 : 1;
  }
  std::string Field() {
    return random_.Pick({"level", "source", "status", "mixed", "other", "id", "rare", "x"});
  }

  void AddPipe(Answer* answer, int depth) {
    switch (random_.Below(depth > 0 ? 16 : 14)) {
      case 0: return AddSort(answer);
      case 1: return AddSortByAll(answer);
      case 2: return AddLimit(answer);
      case 3: return AddOffset(answer);
      case 4: return AddFields(answer, /*keeps=*/true);
      case 5: return AddFields(answer, /*keeps=*/false);
      case 6: return AddFilter(answer);
      case 7: return AddCopy(answer, /*renames=*/false);
      case 8: return AddCopy(answer, /*renames=*/true);
      case 9: return AddLen(answer);
      case 10: return AddFormat(answer);
      case 11: return AddStats(answer);
      case 12: return AddUniq(answer);
      case 13: return AddTop(answer);
      case 14: return AddUnion(answer, depth);
      default: return AddJoin(answer, depth);
    }
  }

  void AddSort(Answer* answer) {
    const std::string first = Field(), second = Field();
    const bool descending = random_.Chance(2);
    answer->text += " | sort by (" + first + (descending ? " desc" : "") + ", " + second + ", id)";
    std::stable_sort(answer->rows.begin(), answer->rows.end(), [&](const Row& a, const Row& b) {
      const int order = Compare(Get(a, first), Get(b, first));
      if (order != 0) return descending ? order > 0 : order < 0;
      const int next = Compare(Get(a, second), Get(b, second));
      return next != 0 ? next < 0 : Compare(Get(a, "id"), Get(b, "id")) < 0;
    });
    std::set<std::string> ids;
    bool is_total = true;
    for (const Row& row : answer->rows) is_total &= ids.insert(Get(row, "id")).second;
    answer->is_ordered |= is_total;
    if (!answer->is_ordered) AddSortByAll(answer);
  }

  // Streams stand for nothing of their own here, so rows that differ in them alone may change places.
  void AddSortByAll(Answer* answer) {
    for (Row& row : answer->rows) row.erase("_stream"), row.erase("_stream_id");
    answer->text += " | delete _stream, _stream_id | sort";
    std::set<std::string> names;
    for (const Row& row : answer->rows)
      for (const auto& [name, value] : row)
        if (name != "_time" && name != "message") names.insert(name);
    std::stable_sort(answer->rows.begin(), answer->rows.end(), [&](const Row& a, const Row& b) {
      if (const int order = CompareTimes(a, b); order != 0) return order < 0;
      if (const int order = Compare(Get(a, "message"), Get(b, "message")); order != 0)
        return order < 0;
      for (const std::string& name : names)
        if (const int order = Compare(Get(a, name), Get(b, name)); order != 0) return order < 0;
      return false;
    });
    answer->is_ordered = true;
  }

  void AddLimit(Answer* answer) {
    if (!answer->is_ordered) AddSortByAll(answer);
    const size_t limit = random_.Below(20);
    answer->text += " | limit " + std::to_string(limit);
    answer->rows.resize(std::min(limit, answer->rows.size()));
  }

  void AddOffset(Answer* answer) {
    if (!answer->is_ordered) AddSortByAll(answer);
    const size_t offset = random_.Below(10);
    answer->text += " | offset " + std::to_string(offset);
    answer->rows.erase(
        answer->rows.begin(),
        answer->rows.begin() + static_cast<ptrdiff_t>(std::min(offset, answer->rows.size())));
  }

  void AddFields(Answer* answer, bool keeps) {
    const std::set<std::string> names = {Field(), Field(), keeps ? "id" : "message"};
    answer->text += keeps ? " | fields " : " | delete ";
    bool is_first = true;
    for (const std::string& name : names) {
      answer->text += (is_first ? "" : ", ") + name;
      is_first = false;
    }
    for (Row& row : answer->rows)
      std::erase_if(row, [&](const auto& field) { return names.contains(field.first) != keeps; });
  }

  void AddFilter(Answer* answer) {
    const std::string field = Field(), value = random_.Pick({"", "error", "api", "500", "10"});
    const bool negates = random_.Chance(2);
    answer->text +=
        std::string(" | filter ") + (negates ? "-" : "") + field + ":=\"" + value + "\"";
    std::erase_if(answer->rows,
                  [&](const Row& row) { return (Get(row, field) == value) == negates; });
  }

  void AddCopy(Answer* answer, bool renames) {
    const std::string from = Field(), to = Field();
    answer->text += (renames ? " | rename " : " | copy ") + from + " as " + to;
    if (from == to) return;
    for (Row& row : answer->rows) {
      Set(&row, to, Get(row, from));
      if (renames) row.erase(from);
    }
  }

  void AddLen(Answer* answer) {
    const std::string from = Field();
    answer->text += " | len(" + from + ") as x";
    for (Row& row : answer->rows) Set(&row, "x", std::to_string(Get(row, from).size()));
  }

  void AddFormat(Answer* answer) {
    const std::string from = Field(), field = Field();
    const bool has_condition = random_.Chance(2);
    answer->text += std::string(" | format ") + (has_condition ? "if (" + field + ":*) " : "") +
                    "\"<" + from + ">/<level>\" as x";
    for (Row& row : answer->rows)
      if (!has_condition || !Get(row, field).empty())
        Set(&row, "x", Get(row, from) + "/" + Get(row, "level"));
  }

  using Groups = std::map<std::vector<std::string>, std::vector<Row>>;
  Groups GroupBy(const std::vector<Row>& rows, const std::vector<std::string>& fields) const {
    Groups groups;
    for (const Row& row : rows) {
      std::vector<std::string> key;
      for (const std::string& field : fields) key.push_back(Get(row, field));
      groups[key].push_back(row);
    }
    return groups;
  }
  static std::string List(const std::vector<std::string>& fields) {
    std::string text;
    for (const std::string& field : fields) text += (text.empty() ? "" : ", ") + field;
    return text;
  }
  static Row KeyRow(const std::vector<std::string>& fields, const std::vector<std::string>& key) {
    Row row;
    for (size_t i = 0; i < fields.size(); ++i) Set(&row, fields[i], key[i]);
    return row;
  }
  std::vector<std::string> SomeFields(size_t at_least) {
    std::set<std::string> fields;
    while (fields.size() < at_least) fields.insert(Field());
    if (random_.Chance(2)) fields.insert(Field());
    return {fields.begin(), fields.end()};
  }

  void AddStats(Answer* answer) {
    const std::vector<std::string> by = SomeFields(0);
    const std::string field = Field(), condition = Field();
    answer->text += " | stats" + (by.empty() ? "" : " by (" + List(by) + ")") +
                    " count() rows, count(" + field + ") if (" + condition +
                    ":*) some, count_uniq(" + field + ") kinds, min(" + field + ") least, max(" +
                    field + ") most, sum_len(" + field + ") bytes";
    Groups groups = GroupBy(answer->rows, by);
    if (by.empty()) groups[{}];
    answer->rows.clear();
    for (const auto& [key, rows] : groups) {
      Row row = KeyRow(by, key);
      uint64_t some = 0, bytes = 0;
      std::set<std::string> kinds;
      std::string least, most;
      for (const Row& one : rows) {
        const std::string value = Get(one, field);
        bytes += value.size();
        if (value.empty()) continue;
        if (!Get(one, condition).empty()) ++some;
        kinds.insert(value);
        if (least.empty() || Compare(value, least) < 0) least = value;
        if (most.empty() || Compare(value, most) > 0) most = value;
      }
      Set(&row, "rows", std::to_string(rows.size()));
      Set(&row, "some", std::to_string(some));
      Set(&row, "kinds", std::to_string(kinds.size()));
      Set(&row, "bytes", std::to_string(bytes));
      // Texts that are equal as numbers are one least value; which of them is shown is not defined.
      query::Value x;
      x.Set(least);
      Set(&row, "least", x.kind == query::Value::Kind::kNumber ? "number" : least);
      x.Set(most);
      Set(&row, "most", x.kind == query::Value::Kind::kNumber ? "number" : most);
      answer->rows.push_back(std::move(row));
    }
    answer->text +=
        " | format if (least:range(-inf, inf)) number as least"
        " | format if (most:range(-inf, inf)) number as most";
    answer->is_ordered = false;
  }

  void AddUniq(Answer* answer) {
    const std::vector<std::string> by = SomeFields(1);
    answer->text += " | uniq by (" + List(by) + ") with hits";
    CountGroups(by, answer);
    answer->is_ordered = false;
  }

  void AddTop(Answer* answer) {
    const std::vector<std::string> by = SomeFields(1);
    const size_t limit = 1 + random_.Below(5);
    answer->text += " | top " + std::to_string(limit) + " by (" + List(by) + ")";
    CountGroups(by, answer);
    std::stable_sort(answer->rows.begin(), answer->rows.end(), [&](const Row& a, const Row& b) {
      if (const int order = Compare(Get(b, "hits"), Get(a, "hits")); order != 0) return order < 0;
      for (const std::string& field : by)
        if (const int order = Compare(Get(a, field), Get(b, field)); order != 0) return order < 0;
      return false;
    });
    answer->rows.resize(std::min(limit, answer->rows.size()));
    answer->is_ordered = true;
  }

  void CountGroups(const std::vector<std::string>& by, Answer* answer) const {
    const Groups groups = GroupBy(answer->rows, by);
    answer->rows.clear();
    for (const auto& [key, rows] : groups) {
      answer->rows.push_back(KeyRow(by, key));
      Set(&answer->rows.back(), "hits", std::to_string(rows.size()));
    }
  }

  void AddUnion(Answer* answer, int depth) {
    Answer other = Query(depth - 1);
    answer->text += " | union (" + other.text + ")";
    answer->is_ordered &= other.is_ordered;
    answer->rows.insert(answer->rows.end(), other.rows.begin(), other.rows.end());
  }

  void AddJoin(Answer* answer, int depth) {
    // The rows of both sides multiply.
    constexpr size_t kRowsMax = 60;
    if (answer->rows.size() > kRowsMax) AddTop(answer);
    Answer other = Query(depth - 1);
    if (other.rows.size() > kRowsMax) AddTop(&other);
    if (!other.is_ordered) AddSortByAll(&other);
    const std::vector<std::string> by = SomeFields(1);
    const bool is_inner = random_.Chance(2);
    const std::string prefix = random_.Chance(2) ? "o_" : "";
    answer->text += " | join by (" + List(by) + ") (" + other.text + ")" +
                    (is_inner ? " inner" : "") + (prefix.empty() ? "" : " prefix o_");
    const Groups others = GroupBy(other.rows, by);
    std::vector<Row> joined;
    for (const Row& row : answer->rows) {
      std::vector<std::string> key;
      for (const std::string& field : by) key.push_back(Get(row, field));
      const auto found = others.find(key);
      if (found == others.end()) {
        if (!is_inner) joined.push_back(row);
        continue;
      }
      for (const Row& match : found->second) {
        joined.push_back(row);
        for (const auto& [name, value] : match)
          if (std::find(by.begin(), by.end(), name) == by.end())
            joined.back().emplace(prefix + (name == "message" && !prefix.empty() ? "_msg" : name),
                                  value);
      }
    }
    answer->rows = std::move(joined);
  }

  // For each match the rows of its stream on both sides, up to the matches beside it.
  void AddContext(const std::vector<bool>& matches, Answer* answer) {
    const size_t before = random_.Below(4), after = random_.Below(4);
    const int64_t window_ns = random_.Chance(2) ? 3'600'000'000'000 : 20'000'000;
    answer->text += " | stream_context before " + std::to_string(before) + " after " +
                    std::to_string(after) + " time_window " + std::to_string(window_ns) + "ns";
    std::map<std::string, std::vector<size_t>> streams;
    std::vector<std::string> order;  // by first match
    for (size_t i = 0; i < records_.size(); ++i) {
      const std::string id = NaiveEngine::ValueOf(records_[i], "_stream_id");
      streams[id].push_back(i);
      if (matches[i] && std::find(order.begin(), order.end(), id) == order.end())
        order.push_back(id);
    }
    std::vector<std::vector<size_t>> chunks;
    for (const std::string& id : order) {
      std::set<size_t> shown;
      for (size_t at = 0; at < streams[id].size(); ++at)
        if (matches[streams[id][at]])
          chunks.push_back(Chunk(streams[id], at, before, after, window_ns, matches, &shown));
    }
    for (const std::vector<size_t>& chunk : chunks) {
      for (const size_t i : chunk) answer->rows.push_back(RowOf(records_[i]));
      if (chunks.size() > 1) answer->rows.push_back(EndOf(records_[chunk.back()]));
    }
    answer->is_ordered = true;
  }

  std::vector<size_t> Chunk(const std::vector<size_t>& stream, size_t at, size_t before,
                            size_t after, int64_t window_ns, const std::vector<bool>& matches,
                            std::set<size_t>* shown) const {
    const auto is_near = [&](size_t other) {
      return std::abs(records_[stream[other]].timestamp_ns - records_[stream[at]].timestamp_ns) <=
             window_ns;
    };
    size_t begin = at, end = at + 1;
    while (begin > 0 && at - begin < before && is_near(begin - 1) && !matches[stream[begin - 1]] &&
           !shown->contains(stream[begin - 1]))
      --begin;
    while (end < stream.size() && end - at <= after && is_near(end) && !matches[stream[end]]) ++end;
    std::vector<size_t> chunk(stream.begin() + static_cast<ptrdiff_t>(begin),
                              stream.begin() + static_cast<ptrdiff_t>(end));
    shown->insert(chunk.begin(), chunk.end());
    return chunk;
  }

  static Row EndOf(const TestRecord& record) {
    Row row;
    row["_time"] = base::FormatRfc3339(record.timestamp_ns + 1);
    row["_stream"] = NaiveEngine::ValueOf(record, "_stream");
    row["_stream_id"] = NaiveEngine::ValueOf(record, "_stream_id");
    row["message"] = "---";
    return row;
  }

  RandomQueries& random_;
  std::vector<TestRecord> records_;
};

}  // namespace neurallog::testing
