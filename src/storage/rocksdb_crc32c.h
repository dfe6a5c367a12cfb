// Debian's RocksDB computes CRC-32C in software only (1.3 against 27 GB/s). Its three functions are defined again here over base::Crc32c;
// the linker then never takes the library's own object. Refer to UseHardwareCrc32c() so that this object is linked.
#pragma once

namespace neurallog::storage {
void UseHardwareCrc32c();
}
