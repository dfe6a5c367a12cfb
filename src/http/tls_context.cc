#include "http/tls_context.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <cstring>

namespace neurallog::http {
namespace {

constexpr const char* kCiphersTls12 = "ECDHE+AESGCM:ECDHE+CHACHA20";
constexpr unsigned char kAlpnHttp11[] = "\x08http/1.1";

int SelectAlpn(SSL*, const unsigned char** chosen, unsigned char* chosen_bytes,
               const unsigned char* offered, unsigned offered_bytes, void*) {
  unsigned char* found = nullptr;
  const int outcome = SSL_select_next_proto(&found, chosen_bytes, kAlpnHttp11,
                                            sizeof(kAlpnHttp11) - 1, offered, offered_bytes);
  if (outcome != OPENSSL_NPN_NEGOTIATED) return SSL_TLSEXT_ERR_ALERT_FATAL;
  *chosen = found;
  return SSL_TLSEXT_ERR_OK;
}

// An encrypted key must not make the server ask on a terminal.
int NoPassword(char*, int, int, void*) { return 0; }

Status FileError(const std::string& what, const std::string& file) {
  return InvalidArgument("tls: " + what + " " + file + ": " + LastOpenSslError());
}

void SetPolicy(SSL_CTX* context) {
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_cipher_list(context, kCiphersTls12);
  SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                                   SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA |
                                   SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_alpn_select_cb(context, &SelectAlpn, nullptr);
  SSL_CTX_set_default_passwd_cb(context, &NoPassword);
}

}  // namespace

void InitOpenSsl() { OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr); }

std::string LastOpenSslError() {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  if (code == 0) return "unknown error";
  char text[256];
  ERR_error_string_n(code, text, sizeof(text));
  return text;
}

Result<TlsContext> LoadTlsContext(const std::string& certificate_file,
                                  const std::string& key_file) {
  InitOpenSsl();
  ERR_clear_error();
  TlsContext context(SSL_CTX_new(TLS_server_method()), [](SSL_CTX* owned) { SSL_CTX_free(owned); });
  if (context == nullptr) return Internal("tls: " + LastOpenSslError());
  SetPolicy(context.get());
  if (SSL_CTX_use_certificate_chain_file(context.get(), certificate_file.c_str()) != 1)
    return FileError("read certificate", certificate_file);
  if (SSL_CTX_use_PrivateKey_file(context.get(), key_file.c_str(), SSL_FILETYPE_PEM) != 1)
    return FileError("read key", key_file);
  if (SSL_CTX_check_private_key(context.get()) != 1)
    return FileError("key does not match certificate " + certificate_file + ":", key_file);
  return context;
}

}  // namespace neurallog::http
