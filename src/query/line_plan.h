// How a row of a block becomes a line of JSON: members one after the other, and where objects begin
// and end between them. Objects in which nothing stands are left out.
//
//   LinePlan plan;
//   plan.Open("metadata");
//   plan.Add(MemberPrinter("host", column, {}));
//   plan.Close();
//   plan.Print(row, &line);           // {"metadata":{"host":"a"}} without a line end
//
// Not thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "query/member_printer.h"

namespace neurallog::query {

class LinePlan {
 public:
  void Add(MemberPrinter member);
  void Open(std::string_view name);
  void Close();

  // Appends the object. False when it has no members: {}.
  bool Print(uint32_t row, base::Buffer* to);

 private:
  enum class Step : uint8_t { kMember, kOpen, kClose };

  void OpenObject(std::string_view key, base::Buffer* to);
  void CloseObject(base::Buffer* to);

  std::vector<Step> steps_;
  std::vector<MemberPrinter> members_;  // in the order of the steps
  std::vector<std::string> keys_;       // of the objects, with colon and brace, likewise
  std::vector<size_t> open_;            // where the objects that are open begin in the line
};

}  // namespace neurallog::query
