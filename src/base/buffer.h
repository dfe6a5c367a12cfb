// A growable byte buffer that does not clear what it allocates and always keeps kPadding readable bytes after its end, so that
// simdjson can parse in place. Move-only. Not thread-safe.
#pragma once

#include <cstdlib>
#include <cstring>
#include <new>
#include <string_view>
#include <utility>

namespace neurallog::base {

class Buffer {
 public:
  static constexpr size_t kPadding = 64;

  Buffer() = default;
  explicit Buffer(size_t capacity) { Reserve(capacity); }
  Buffer(Buffer&& other) noexcept { Swap(other); }
  Buffer& operator=(Buffer&& other) noexcept {
    Buffer(std::move(other)).Swap(*this);
    return *this;
  }
  ~Buffer() { std::free(data_); }

  char* data() { return data_; }
  const char* data() const { return data_; }
  size_t size() const { return size_; }
  size_t capacity() const { return capacity_; }
  bool empty() const { return size_ == 0; }
  std::string_view view() const { return {data_, size_}; }

  void Clear() { size_ = 0; }
  // After this, capacity() >= capacity. Never shrinks. Throws std::bad_alloc only when the operating system has no memory.
  void Reserve(size_t capacity) {
    if (capacity > capacity_) Grow(capacity);
  }
  // Makes room for `bytes` more and returns where they go; Commit() what was written.
  char* Prepare(size_t bytes) {
    if (size_ + bytes > capacity_)
      Grow(size_ + bytes > 2 * capacity_ ? size_ + bytes : 2 * capacity_);
    return data_ + size_;
  }
  void Commit(size_t bytes) { size_ += bytes; }
  // Sets the size within the capacity; bytes between the old and the new size keep whatever value they have.
  void Resize(size_t size) {
    Reserve(size);
    size_ = size;
  }
  void Append(const void* bytes, size_t count) {
    if (count == 0) return;
    std::memcpy(Prepare(count), bytes, count);
    size_ += count;
  }
  void Append(std::string_view bytes) { Append(bytes.data(), bytes.size()); }

  void Swap(Buffer& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
  }

 private:
  [[gnu::noinline]] void Grow(size_t capacity) {
    void* grown = std::realloc(data_, capacity + kPadding);
    if (grown == nullptr) throw std::bad_alloc();
    data_ = static_cast<char*>(grown);
    capacity_ = capacity;
  }

  char* data_ = nullptr;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

}  // namespace neurallog::base
