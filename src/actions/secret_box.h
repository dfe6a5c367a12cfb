// Secrets of actions, encrypted at rest: AES-256-GCM with a key that lies in a file of its own.
//
//   NL_TRY(const SecretBox box, SecretBox::Open("data/actions.key"));
//   NL_TRY(const std::string sealed, box.Seal(text, /*about=*/"1/ops"));
//   NL_TRY(const std::string text, box.Unseal(sealed, "1/ops"));      // Corruption: another key, or other bytes
//
// Immutable, thread-safe.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "neurallog/status.h"

namespace neurallog::actions {

class SecretBox {
 public:
  // Makes the file, readable for its owner alone, when it is missing.
  static Result<SecretBox> Open(const std::string& key_file);

  // `about` is authenticated too, so that a sealed text cannot be moved elsewhere.
  Result<std::string> Seal(std::string_view text, std::string_view about) const;
  Result<std::string> Unseal(std::string_view sealed, std::string_view about) const;

 private:
  static constexpr size_t kKeyBytes = 32;
  std::array<unsigned char, kKeyBytes> key_{};
};

}  // namespace neurallog::actions
