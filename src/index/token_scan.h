// Sixty-four or sixteen bytes of text at once: which are word bytes, and all of them lower-cased.
//
// A function per instruction set, chosen once by ScanWindow(); the scalar twin is what a test
// compares the others with.
#pragma once

#include <cstddef>
#include <cstdint>

namespace neurallog::index {

struct ScannedWindow {
  static constexpr size_t kBytes = 64;
  uint64_t words = 0;               // bit i: byte i is a word byte
  char lower[kBytes + 16] = {};     // A-Z lower-cased; 16 bytes of slack so that chunks can be loaded
};

// Reads 64 bytes at `from`.
using ScanFunction = void (*)(const char* from, ScannedWindow* to);

void ScanWindowScalar(const char* from, ScannedWindow* to);
void ScanWindowSse2(const char* from, ScannedWindow* to);
void ScanWindowAvx2(const char* from, ScannedWindow* to);  // as Sse2 where the CPU lacks it

// The fastest that this CPU has.
ScanFunction ScanWindow();

// For texts of which most are one short token.
struct ScannedShort {
  static constexpr size_t kBytes = 16;
  uint32_t words = 0;              // bit i: byte i is a word byte
  char lower[kBytes + 16] = {};    // as in ScannedWindow
};

// Read 16 bytes at `from`; the first one is as fast as the CPU's baseline allows.
void ScanShort(const char* from, ScannedShort* to);
void ScanShortScalar(const char* from, ScannedShort* to);

}  // namespace neurallog::index
