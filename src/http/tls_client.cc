#include "http/tls_client.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <cstdlib>
#include <vector>

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

// An encrypted key must not make the server ask on a terminal.
int NoClientPassword(char*, int, int, void*) { return 0; }

Result<TlsContext> NewClientContext() {
  InitOpenSsl();
  ERR_clear_error();
  TlsContext context(SSL_CTX_new(TLS_client_method()), [](SSL_CTX* owned) { SSL_CTX_free(owned); });
  if (context == nullptr) return Internal("tls: " + LastOpenSslError());
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_mode(context.get(),
                   SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  return context;
}

Status TrustFile(SSL_CTX* context, const std::string& ca_file) {
  const std::string trusted = ca_file.empty() ? FindCaFile() : ca_file;
  if (trusted.empty())
    return Unavailable("tls: no file of trusted certificates was found; set SSL_CERT_FILE");
  if (SSL_CTX_load_verify_locations(context, trusted.c_str(), nullptr) != 1)
    return InvalidArgument("tls: read certificates " + trusted + ": " + LastOpenSslError());
  return {};
}

struct X509Free {
  void operator()(X509* certificate) const { X509_free(certificate); }
};
using X509Ptr = std::unique_ptr<X509, X509Free>;

// At least one.
Result<std::vector<X509Ptr>> ReadCertificates(const std::string& pem, const std::string& what) {
  const std::unique_ptr<BIO, int (*)(BIO*)> text(
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), &BIO_free);
  std::vector<X509Ptr> certificates;
  while (X509* const read = PEM_read_bio_X509(text.get(), nullptr, &NoClientPassword, nullptr))
    certificates.emplace_back(read);
  const bool is_all = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  ERR_clear_error();
  if (certificates.empty() || !is_all) return InvalidArgument(what + " is no certificate in PEM");
  return certificates;
}

Status TrustOnly(SSL_CTX* context, const std::string& ca) {
  NL_TRY(const auto certificates, ReadCertificates(ca, "ca_certificate"));
  X509_STORE* const store = SSL_CTX_get_cert_store(context);
  for (const X509Ptr& certificate : certificates)
    if (X509_STORE_add_cert(store, certificate.get()) != 1)
      return InvalidArgument("ca_certificate: " + LastOpenSslError());
  return {};
}

Status ShowCertificate(SSL_CTX* context, const ClientIdentity& identity) {
  NL_TRY(auto chain, ReadCertificates(identity.certificate, "client_certificate"));
  if (SSL_CTX_use_certificate(context, chain[0].get()) != 1)
    return InvalidArgument("client_certificate: " + LastOpenSslError());
  for (size_t i = 1; i < chain.size(); ++i)
    if (SSL_CTX_add1_chain_cert(context, chain[i].get()) != 1)
      return InvalidArgument("client_certificate: " + LastOpenSslError());
  const std::unique_ptr<BIO, int (*)(BIO*)> text(
      BIO_new_mem_buf(identity.key.data(), static_cast<int>(identity.key.size())), &BIO_free);
  const std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key(
      PEM_read_bio_PrivateKey(text.get(), nullptr, &NoClientPassword, nullptr), &EVP_PKEY_free);
  ERR_clear_error();
  if (key == nullptr) return InvalidArgument("client_key is no key in PEM");
  if (SSL_CTX_use_PrivateKey(context, key.get()) != 1)
    return InvalidArgument("client_key is not the key of client_certificate");
  return {};
}

}  // namespace

Result<TlsContext> LoadClientTls(const std::string& ca_file) {
  NL_TRY(TlsContext context, NewClientContext());
  NL_RETURN_IF_ERROR(TrustFile(context.get(), ca_file));
  return context;
}

Result<TlsContext> MakeClientTls(const ClientIdentity& identity, const std::string& ca_file) {
  NL_TRY(TlsContext context, NewClientContext());
  NL_RETURN_IF_ERROR(identity.ca.empty() ? TrustFile(context.get(), ca_file)
                                         : TrustOnly(context.get(), identity.ca));
  if (!identity.certificate.empty() || !identity.key.empty())
    NL_RETURN_IF_ERROR(ShowCertificate(context.get(), identity));
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
