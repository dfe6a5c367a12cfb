// Divides one memory budget among everything that holds much memory.
//
//   const MemoryLimit limit = ChooseMemoryLimit(config.memory_limit, CgroupMemoryLimit("/"));
//   const Config effective = DivideMemory(config, limit);
//
// Options of single pools that are 0 get their share of the limit; those that are set stay as they are. About a tenth of the limit is given
// to nobody: the program itself, its threads, buffers of the moment and what the allocator keeps.
#pragma once

#include <cstdint>
#include <string>

#include "config/config.h"

namespace neurallog::config {

// The memory limit of the control group that this process is in, v2 or v1; 0: there is none, or it cannot be read. `root` is the root of
// the file system, so that tests can bring their own.
uint64_t CgroupMemoryLimit(const std::string& root);

// `configured`, or when that is 0: 1 GiB, or half of the control group's limit (0: none) when that is less.
uint64_t ChooseMemoryLimit(uint64_t configured, uint64_t cgroup_limit);

Config DivideMemory(Config config, uint64_t limit);

}  // namespace neurallog::config
