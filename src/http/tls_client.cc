#include "http/tls_client.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <cstdlib>

namespace neurallog::http {
namespace {

// Where distributions keep the certificates of the authorities they trust. OpenSSL's own default
// path exists on Debian only and its absence is not reported.
constexpr const char* kCaFiles[] = {"/etc/ssl/certs/ca-certificates.crt",
                                    "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem",
                                    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
                                    "/etc/ssl/cert.pem"};

std::string FindCaFile() {
  if (const char* configured = std::getenv("SSL_CERT_FILE"); configured != nullptr)
    return configured;
  for (const char* file : kCaFiles)
    if (access(file, R_OK) == 0) return file;
  return {};
}

}  // namespace

Result<TlsContext> LoadClientTls(const std::string& ca_file) {
  InitOpenSsl();
  ERR_clear_error();
  TlsContext context(SSL_CTX_new(TLS_client_method()), [](SSL_CTX* owned) { SSL_CTX_free(owned); });
  if (context == nullptr) return Internal("tls: " + LastOpenSslError());
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_mode(context.get(),
                   SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  const std::string trusted = ca_file.empty() ? FindCaFile() : ca_file;
  if (trusted.empty())
    return Unavailable("tls: no file of trusted certificates was found; set SSL_CERT_FILE");
  if (SSL_CTX_load_verify_locations(context.get(), trusted.c_str(), nullptr) != 1)
    return InvalidArgument("tls: read certificates " + trusted + ": " + LastOpenSslError());
  return context;
}

void SslFree::operator()(ssl_st* ssl) const { SSL_free(ssl); }

Result<SslPtr> NewClientSsl(ssl_ctx_st* context, const std::string& host, int fd) {
  ERR_clear_error();
  SslPtr ssl(SSL_new(context));
  if (ssl == nullptr) return Internal("tls: " + LastOpenSslError());
  X509_VERIFY_PARAM* check = SSL_get0_param(ssl.get());
  if (X509_VERIFY_PARAM_set1_ip_asc(check, host.c_str()) != 1) {
    X509_VERIFY_PARAM_set1_host(check, host.c_str(), host.size());
    SSL_set_tlsext_host_name(ssl.get(), host.c_str());
  }
  SSL_set_fd(ssl.get(), fd);
  return ssl;
}

}  // namespace neurallog::http
