// Little-endian integers and varints over byte strings: the vocabulary of every stored format.
//
// Writers append to a std::string; ByteReader walks a string_view and never reads past its end.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace neurallog::base {

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
              "stored integers are little-endian and copied as they are");

template <typename T>
T LoadLe(const void* from) {
  T value;
  std::memcpy(&value, from, sizeof(T));
  return value;
}

template <typename T>
void StoreLe(void* to, T value) {
  std::memcpy(to, &value, sizeof(T));
}

template <typename T>
void AppendLe(std::string* to, T value) {
  to->append(reinterpret_cast<const char*>(&value), sizeof(T));
}

// Big-endian, for keys that must sort by value.
template <typename T>
void AppendBe(std::string* to, T value) {
  for (int shift = (static_cast<int>(sizeof(T)) - 1) * 8; shift >= 0; shift -= 8)
    to->push_back(static_cast<char>(static_cast<uint64_t>(value) >> shift));
}

template <typename T>
T LoadBe(const void* from) {
  const auto* bytes = static_cast<const unsigned char*>(from);
  uint64_t value = 0;
  for (size_t i = 0; i < sizeof(T); ++i) value = value << 8 | bytes[i];
  return static_cast<T>(value);
}

inline constexpr size_t kVarintBytesMax = 10;

// LEB128. Writes at most kVarintBytesMax bytes; returns the end.
inline char* EncodeVarint(char* to, uint64_t value) {
  while (value >= 0x80) {
    *to++ = static_cast<char>(value | 0x80);
    value >>= 7;
  }
  *to++ = static_cast<char>(value);
  return to;
}

inline void AppendVarint(std::string* to, uint64_t value) {
  char buffer[kVarintBytesMax];
  to->append(buffer, EncodeVarint(buffer, value));
}

// Returns the byte after the varint, or nullptr when [from, end) holds none that is complete and fits 64 bits.
inline const char* DecodeVarint(const char* from, const char* end, uint64_t* value) {
  uint64_t result = 0;
  for (int shift = 0; shift < 64 && from < end; shift += 7) {
    const auto byte = static_cast<unsigned char>(*from++);
    result |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) {
      *value = result;
      return from;
    }
  }
  return nullptr;
}

inline uint64_t ZigZag(int64_t value) {
  return static_cast<uint64_t>(value) << 1 ^ static_cast<uint64_t>(value >> 63);
}
inline int64_t UnZigZag(uint64_t value) {
  return static_cast<int64_t>(value >> 1 ^ (~(value & 1) + 1));
}

inline void AppendLengthPrefixed(std::string* to, std::string_view bytes) {
  AppendVarint(to, bytes.size());
  to->append(bytes);
}

// Reads a byte string front to back. A read past the end returns zero or empty and makes ok() false for good.
// Not thread-safe.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes)
      : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  bool ok() const { return ok_; }
  bool empty() const { return at_ == end_; }
  size_t remaining() const { return static_cast<size_t>(end_ - at_); }
  const char* position() const { return at_; }

  template <typename T>
  T ReadLe() {
    std::string_view bytes = ReadBytes(sizeof(T));
    return bytes.size() == sizeof(T) ? LoadLe<T>(bytes.data()) : T{};
  }

  uint64_t ReadVarint() {
    uint64_t value = 0;
    const char* next = DecodeVarint(at_, end_, &value);
    if (next == nullptr) return Fail(), 0;
    at_ = next;
    return value;
  }

  std::string_view ReadBytes(size_t count) {
    if (count > remaining()) return Fail(), std::string_view();
    std::string_view bytes(at_, count);
    at_ += count;
    return bytes;
  }

  std::string_view ReadLengthPrefixed() {
    const uint64_t length = ReadVarint();
    if (length > remaining()) return Fail(), std::string_view();
    return ReadBytes(length);
  }

 private:
  void Fail() {
    ok_ = false;
    at_ = end_;
  }

  const char* at_;
  const char* end_;
  bool ok_ = true;
};

}  // namespace neurallog::base
