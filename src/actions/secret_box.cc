// sealed := nonce[12] tag[16] ciphertext
#include "actions/secret_box.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

namespace neurallog::actions {
namespace {

constexpr size_t kNonceBytes = 12, kTagBytes = 16;

using Context = std::unique_ptr<EVP_CIPHER_CTX, void (*)(EVP_CIPHER_CTX*)>;
Context MakeContext() { return {EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free}; }

const unsigned char* Bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* Bytes(std::string* text) { return reinterpret_cast<unsigned char*>(text->data()); }

class File {
 public:
  File(const std::string& path, int flags) : fd_(::open(path.c_str(), flags | O_CLOEXEC, 0600)) {}
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int fd() const { return fd_; }

 private:
  const int fd_;
};

Status Failed(const std::string& path, std::string_view what) {
  return IoError(path + ": " + std::string(what) + ": " + std::strerror(errno));
}

// A crash in between leaves no file that is half a key.
Status WriteKey(const std::string& path, const unsigned char* key, size_t bytes) {
  const std::string fresh = path + ".new";
  {
    const File file(fresh, O_WRONLY | O_CREAT | O_TRUNC);
    if (file.fd() < 0 || ::write(file.fd(), key, bytes) != static_cast<ssize_t>(bytes) ||
        ::fsync(file.fd()) != 0)
      return Failed(path, "write the key of secrets");
  }
  if (::rename(fresh.c_str(), path.c_str()) != 0) return Failed(path, "write the key of secrets");
  const size_t slash = path.rfind('/');
  const File folder(slash == std::string::npos ? "." : path.substr(0, slash), O_RDONLY);
  return folder.fd() >= 0 && ::fsync(folder.fd()) == 0 ? Status()
                                                       : Failed(path, "write the key of secrets");
}

}  // namespace

Result<SecretBox> SecretBox::Open(const std::string& key_file) {
  SecretBox box;
  const File file(key_file, O_RDONLY);
  if (file.fd() >= 0) {
    if (::read(file.fd(), box.key_.data(), kKeyBytes) == static_cast<ssize_t>(kKeyBytes))
      return box;
    return Corruption(key_file + ": not a key of 32 bytes");
  }
  if (errno != ENOENT) return Failed(key_file, "read the key of secrets");
  if (RAND_bytes(box.key_.data(), kKeyBytes) != 1) return Internal("no random bytes");
  NL_RETURN_IF_ERROR(WriteKey(key_file, box.key_.data(), kKeyBytes));
  return box;
}

Result<std::string> SecretBox::Seal(std::string_view text, std::string_view about) const {
  std::string sealed(kNonceBytes + kTagBytes + text.size(), '\0');
  unsigned char* const at = Bytes(&sealed);
  const Context context = MakeContext();
  int length = 0;
  const bool is_sealed =
      RAND_bytes(at, kNonceBytes) == 1 &&
      EVP_EncryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, key_.data(), at) == 1 &&
      EVP_EncryptUpdate(context.get(), nullptr, &length, Bytes(about),
                        static_cast<int>(about.size())) == 1 &&
      EVP_EncryptUpdate(context.get(), at + kNonceBytes + kTagBytes, &length, Bytes(text),
                        static_cast<int>(text.size())) == 1 &&
      EVP_EncryptFinal_ex(context.get(), at + kNonceBytes + kTagBytes + length, &length) == 1 &&
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, kTagBytes, at + kNonceBytes) == 1;
  if (!is_sealed) return Internal("a secret cannot be encrypted");
  return sealed;
}

Result<std::string> SecretBox::Unseal(std::string_view sealed, std::string_view about) const {
  const Status damaged = Corruption("secrets were encrypted with another key, or are damaged");
  if (sealed.size() < kNonceBytes + kTagBytes) return damaged;
  std::string tag(sealed.substr(kNonceBytes, kTagBytes));
  const std::string_view hidden = sealed.substr(kNonceBytes + kTagBytes);
  std::string text(hidden.size(), '\0');
  const Context context = MakeContext();
  int length = 0;
  const bool is_whole =
      EVP_DecryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, key_.data(), Bytes(sealed)) ==
          1 &&
      EVP_DecryptUpdate(context.get(), nullptr, &length, Bytes(about),
                        static_cast<int>(about.size())) == 1 &&
      EVP_DecryptUpdate(context.get(), Bytes(&text), &length, Bytes(hidden),
                        static_cast<int>(hidden.size())) == 1 &&
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_SET_TAG, kTagBytes, tag.data()) == 1 &&
      EVP_DecryptFinal_ex(context.get(), Bytes(&text) + length, &length) == 1;
  if (!is_whole) return damaged;
  return text;
}

}  // namespace neurallog::actions
