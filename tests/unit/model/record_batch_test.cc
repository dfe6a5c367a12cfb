#include "model/record_batch.h"

#include <catch2/catch.hpp>
#include <random>

#include "support/batch.h"

namespace neurallog::model {
namespace {

std::string PayloadOf(const RecordBatch& batch) {
  std::string payload(RecordBatch::kHeaderBytes, '\0');
  batch.EncodeHeader(payload.data());
  return payload.append(batch.names_bytes()).append(batch.rows_bytes());
}

TEST_CASE("a batch comes back from its payload") {
  const auto batch = testing::MakeBatch(5, 100);
  const auto decoded = RecordBatch::Decode(PayloadOf(*batch));
  REQUIRE(decoded.ok());
  CHECK((*decoded)->rows() == 100);
  CHECK((*decoded)->min_ns() == batch->min_ns());
  CHECK((*decoded)->max_ns() == batch->max_ns());
  CHECK(testing::SeqsOf(**decoded) == testing::SeqsOf(*batch));
}

TEST_CASE("an abandoned row leaves nothing behind") {
  RecordBatchBuilder builder(0);
  builder.BeginRow();
  builder.AddField(builder.NameId("a"), ValueType::kString, "gone");
  builder.AbandonRow();
  builder.BeginRow();
  builder.AddField(builder.NameId("b"), ValueType::kNumber, "1");
  builder.EndRow(42);
  const auto batch = builder.Finish();
  REQUIRE(batch->rows() == 1);
  RowReader row(batch->first_row());
  Field field;
  REQUIRE(row.Next(&field));
  CHECK(batch->names()[field.name_id] == "b");
  CHECK(field.value == "1");
  CHECK(row.timestamp_ns() == 42);
  CHECK_FALSE(row.Next(&field));
}

TEST_CASE("a name has one number, and the batch holds 65535 of them") {
  RecordBatchBuilder builder(0);
  for (uint32_t i = 0; i < RecordBatchBuilder::kNamesMax; ++i)
    REQUIRE(builder.NameId("name" + std::to_string(i)) == i);
  CHECK(builder.NameId("name77") == 77);
  CHECK(builder.NameId("one more") == RecordBatchBuilder::kNamesMax);
}

TEST_CASE("a damaged or cut payload is refused or reads as a batch, and never crashes") {
  const std::string payload = PayloadOf(*testing::MakeBatch(1, 20));
  for (size_t length = 0; length < payload.size(); ++length)
    CHECK_FALSE(RecordBatch::Decode(std::string_view(payload).substr(0, length)).ok());
  std::mt19937 random(3);
  for (int i = 0; i < 5'000; ++i) {
    std::string damaged = payload;
    damaged[random() % damaged.size()] = static_cast<char>(random());
    const auto decoded = RecordBatch::Decode(damaged);
    if (!decoded.ok()) continue;
    const char* at = (*decoded)->first_row();
    for (uint32_t row_index = 0; row_index < (*decoded)->rows(); ++row_index) {
      RowReader row(at);
      for (Field field; row.Next(&field);) REQUIRE(field.name_id < (*decoded)->names().size());
      at = row.next_row();
    }
  }
}

TEST_CASE("levels are known by their usual spellings") {
  CHECK(ParseLevel("ERROR") == Level::kError);
  CHECK(ParseLevel("Warning") == Level::kWarn);
  CHECK(ParseLevel("") == Level::kNone);
  CHECK(ParseLevel("loud") == Level::kOther);
  CHECK(ParseLevel("a text that is far too long for a level") == Level::kOther);
}

}  // namespace
}  // namespace neurallog::model
