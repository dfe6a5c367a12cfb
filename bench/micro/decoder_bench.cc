// Decoding of JSON bodies: nanoseconds of CPU time per log and GB/s, best of several rounds.
//
//   decoder_bench logs.ndjson [logs per body] [rounds]
//
// Not more than 100,000 logs are read, so that the rounds take seconds.
// Shapes: the file's lines cut into bodies of so many logs, as lines and as one array; and one log per body.
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "ingest/decoder_json.h"

namespace {

using neurallog::base::Buffer;
using neurallog::ingest::DecodeLimits;

constexpr size_t kLogsMax = 100'000;

std::vector<std::string> ReadLines(const char* path) {
  std::vector<std::string> lines;
  std::ifstream file(path);
  for (std::string line; lines.size() < kLogsMax && std::getline(file, line);)
    lines.push_back(line);
  return lines;
}

std::vector<Buffer> Bodies(const std::vector<std::string>& lines, size_t per_body, bool array) {
  std::vector<Buffer> bodies;
  for (size_t i = 0; i < lines.size(); i += per_body) {
    std::string text = array ? "[" : "";
    for (size_t j = i; j < std::min(lines.size(), i + per_body); ++j) {
      if (array && j > i) text.push_back(',');
      text.append(lines[j]);
      if (!array) text.push_back('\n');
    }
    if (array) text.push_back(']');
    bodies.emplace_back();
    bodies.back().Append(text);
  }
  return bodies;
}

double CpuNs() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

void Measure(const char* shape, const std::vector<Buffer>& bodies, int rounds) {
  double best_ns = 1e18;
  size_t bytes = 0;
  uint64_t logs = 0;
  for (int round = 0; round < rounds; ++round) {
    bytes = 0;
    logs = 0;
    const double start = CpuNs();
    for (const Buffer& body : bodies) {
      auto result = neurallog::ingest::DecodeNative(body, /*ndjson_hint=*/false, DecodeLimits{}, 1);
      if (!result.ok() || result->rejected > 0) std::exit(1);
      logs += result->accepted;
      bytes += body.size();
    }
    best_ns = std::min(best_ns, CpuNs() - start);
  }
  std::printf("%-24s %8.1f ns/log  %6.2f GB/s  (%zu bytes/log)\n", shape,
              best_ns / static_cast<double>(logs), static_cast<double>(bytes) / best_ns,
              bytes / logs);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2)
    return std::fprintf(stderr, "usage: decoder_bench logs.ndjson [logs per body] [rounds]\n"), 2;
  const std::vector<std::string> lines = ReadLines(argv[1]);
  if (lines.empty()) return std::fprintf(stderr, "no lines in %s\n", argv[1]), 2;
  const size_t per_body = argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 1000;
  const int rounds = argc > 3 ? std::atoi(argv[3]) : 7;
  Measure("lines", Bodies(lines, per_body, /*array=*/false), rounds);
  Measure("array", Bodies(lines, per_body, /*array=*/true), rounds);
  Measure("one log per body", Bodies(lines, 1, /*array=*/false), rounds);
  return 0;
}
