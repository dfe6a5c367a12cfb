// Identifiers, addresses and decimals, stored as bytes and integers and printed again.
#include "block/typed_text.h"

#include "block/blob.h"
#include "block/char_class.h"
#include "block_fixture.h"

namespace neurallog::block {
namespace {

std::string Hex(std::mt19937_64& rng, size_t digits) {
  std::string text;
  while (text.size() < digits) text.push_back("0123456789abcdef"[rng() % 16]);
  return text;
}

std::string Uuid(std::mt19937_64& rng) {
  return Hex(rng, 8) + "-" + Hex(rng, 4) + "-" + Hex(rng, 4) + "-" + Hex(rng, 4) + "-" +
         Hex(rng, 12);
}

std::string Address(std::mt19937_64& rng) {
  return std::to_string(rng() % 256) + "." + std::to_string(rng() % 256) + "." +
         std::to_string(rng() % 256) + "." + std::to_string(rng() % 256);
}

std::string Decimal(std::mt19937_64& rng) {
  const int scale = static_cast<int>(rng() % 5);
  std::string text = (rng() % 4 == 0 ? "-1" : "") + std::to_string(rng() % 100'000);
  if (scale > 0) text += ".";
  for (int i = 0; i < scale; ++i) text.push_back(static_cast<char>('0' + rng() % 10));
  return text;
}

// 2,000 values; `odd`, when given, is one of them.
Encoding EncodingOf(const std::function<std::string()>& value, const std::string* odd = nullptr) {
  std::vector<TestRow> rows(2000);
  for (size_t i = 0; i < rows.size(); ++i) {
    rows[i].timestamp_ns = static_cast<int64_t>(i);
    if (i % 10 != 3)
      rows[i].fields.push_back({"f", i % 7 == 0 ? ValueType::kNumber : ValueType::kString,
                                odd != nullptr && i == 1500 ? *odd : value()});
  }
  return RoundTrip(rows).header->columns[1].encoding;
}

}  // namespace

TEST_CASE("columns of identifiers, addresses and decimals take their own encodings") {
  std::mt19937_64 rng(4);
  for (const size_t digits : {8, 10, 16, 32, 64})
    REQUIRE(EncodingOf([&] { return Hex(rng, digits); }) == Encoding::kHex);
  REQUIRE(EncodingOf([&] { return Uuid(rng); }) == Encoding::kHex);
  REQUIRE(EncodingOf([&] { return Address(rng); }) == Encoding::kIpv4);
  REQUIRE(EncodingOf([&] { return Decimal(rng); }) == Encoding::kDecimal);
}

TEST_CASE("one value that does not fit an encoding keeps its column from it") {
  std::mt19937_64 rng(5);
  for (const std::string odd :
       {"0123456789ABCDEF", "0123456789abcde", "0123456789abcdeg", "", "0123456789abcdef0"})
    REQUIRE(EncodingOf([&] { return Hex(rng, 16); }, &odd) != Encoding::kHex);
  for (const std::string odd : {"c62f4f25-982c-4ea2-b5e4-93000edfcfbF", "c62f4f25-982c-4ea2-b5e4",
                                "c62f4f25 982c-4ea2-b5e4-93000edfcfbf"})
    REQUIRE(EncodingOf([&] { return Uuid(rng); }, &odd) != Encoding::kHex);
  for (const std::string odd : {"1.2.3", "1.2.3.4.", "1.2.3.256", "01.2.3.4", "1.2.3.4 ", "1.2..4",
                                ".1.2.3", "1.2.3.", "", "1.2.3.4.5", "1000.2.3.4"})
    REQUIRE(EncodingOf([&] { return Address(rng); }, &odd) != Encoding::kIpv4);
  for (const std::string odd : {"1.", ".5", "01.5", "-0", "-0.0", "1e5", "", "-", "+1.5", "1.2.3",
                                "1234567890123456789", "0.1234567890", "99999999999999999.5"})
    REQUIRE(EncodingOf([&] { return Decimal(rng); }, &odd) != Encoding::kDecimal);
}

TEST_CASE("addresses and decimals that are read print as they were") {
  for (const char* text : {"0.0.0.0", "255.255.255.255", "10.0.200.7"}) {
    uint32_t address;
    char printed[16];
    REQUIRE(ParseIpv4(text, &address));
    REQUIRE(std::string(printed, PrintIpv4(printed, address)) == text);
  }
  for (const char* text : {"0", "0.0", "-0.5", "12.50", "-7", "0.000000001", "999999999.999999999",
                           "-999999999999999999"}) {
    int64_t digits;
    int scale;
    char printed[24];
    REQUIRE(ParseDecimal(text, &digits, &scale));
    REQUIRE(std::string(printed, PrintDecimal(printed, digits, scale)) == text);
  }
}

TEST_CASE("byte strings of hexadecimal digits take half a byte for each") {
  std::mt19937_64 rng(6);
  for (const size_t digits : {300, 3200, 100'000}) {
    const std::string raw = Hex(rng, digits);
    std::string blob;
    AppendBlob(raw, 1, &blob);
    REQUIRE(blob.size() < digits / 2 + 8);
    base::ByteReader reader(blob);
    base::Buffer decoded;
    REQUIRE(DecodeBlob(&reader, digits, &decoded).ok());
    REQUIRE(decoded.view() == raw);
    std::string odd = raw;
    odd[digits / 2] = 'g';
    blob.clear();
    AppendBlob(odd, 1, &blob);
    base::ByteReader odd_reader(blob);
    decoded.Clear();
    REQUIRE(DecodeBlob(&odd_reader, digits, &decoded).ok());
    REQUIRE(decoded.view() == odd);
  }
}

TEST_CASE("both ways to find the classes of a text find the same") {
  std::mt19937_64 rng(7);
  for (unsigned c = 0; c < 256; ++c) {
    const std::string text(40, static_cast<char>(c));
    REQUIRE(ClassesOfScalar(text) == ClassesOfAvx2(text));
    REQUIRE(std::popcount(ClassesOf(text)) == 1);
  }
  for (int round = 0; round < 500; ++round) {
    std::string text(rng() % 150, 'a');
    for (char& c : text)
      if (rng() % 20 == 0) c = static_cast<char>(rng());
    REQUIRE(ClassesOfScalar(text) == ClassesOfAvx2(text));
    REQUIRE(ClassesOfScalar(text) == ClassesOf(text));
  }
  REQUIRE(ClassesOf("9") == kClassDigit);
  REQUIRE(ClassesOf("f-G") == (kClassLowerHex | kClassPrintable | kClassUpper));
  REQUIRE(ClassesOf("\x7f_\xc3") == (kClassControl | kClassUpper | kClassBeyondAscii));
}

TEST_CASE("the header tells the classes of every byte of a column, whatever its encoding") {
  std::mt19937_64 rng(8);
  const std::vector<std::function<std::string(size_t)>> values = {
      [](size_t) { return std::string("Same_ value"); },
      [](size_t i) { return "choice " + std::to_string(i % 3); },
      [](size_t i) { return std::to_string(static_cast<int64_t>(i) - 5); },
      [&](size_t) { return std::string(1 + rng() % 40, static_cast<char>(rng() % 26 + 'a')); },
      [&](size_t) { return Hex(rng, 16); },
      [&](size_t) { return Uuid(rng); },
      [&](size_t) { return Address(rng); },
      [&](size_t) { return Decimal(rng); },
      [&](size_t i) { return "took " + std::to_string(rng()) + "ms\t" + std::to_string(i); },
  };
  for (size_t kind = 0; kind < values.size(); ++kind) {
    std::vector<TestRow> rows(1000);
    uint8_t classes = 0;
    for (size_t i = 0; i < rows.size(); ++i) {
      rows[i] = {static_cast<int64_t>(i), {{"f", ValueType::kString, values[kind](i)}}};
      classes |= ClassesOf(rows[i].fields[0].value);
    }
    const OpenedBlock block = RoundTrip(rows);
    const ColumnMeta& meta = block.header->columns[1];
    INFO("kind " << kind << ", encoding " << static_cast<int>(meta.encoding));
    REQUIRE((classes & ~meta.char_classes) == 0);
    REQUIRE(meta.char_classes != 0xff);
  }
}

}  // namespace neurallog::block
