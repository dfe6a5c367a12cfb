#include "auth/api_key.h"

#include <catch2/catch.hpp>

namespace neurallog::auth {
namespace {

TEST_CASE("a key is found by its text alone, until it is removed") {
  KeyRing ring;
  CHECK(ring.empty());
  const auto made = GenerateKey(Role::kWrite, static_cast<TenantId>(7), "shipper", 42);
  REQUIRE(made.ok());
  ring.Add(made->key);
  CHECK_FALSE(ring.empty());
  const auto found = ring.Find(made->text);
  REQUIRE(found.has_value());
  CHECK(found->tenant == static_cast<TenantId>(7));
  CHECK(found->role == Role::kWrite);
  CHECK_FALSE(ring.Find(made->text.substr(1)).has_value());
  CHECK_FALSE(ring.Find("").has_value());
  CHECK(ring.Remove(made->key.id).has_value());
  CHECK_FALSE(ring.Remove(made->key.id).has_value());
  CHECK(ring.empty());
  CHECK_FALSE(ring.Find(made->text).has_value());
}

TEST_CASE("the stored form of a key round-trips, holds no text of it, and is checked") {
  const auto made = GenerateKey(Role::kRead, static_cast<TenantId>(9), "a name", 1);
  REQUIRE(made.ok());
  const std::string bytes = EncodeKey(made->key);
  CHECK(bytes.find(made->text) == std::string::npos);
  const auto decoded = DecodeKey(bytes);
  REQUIRE(decoded.ok());
  CHECK(decoded->hash == HashKey(made->text));
  CHECK(decoded->name == "a name");
  for (size_t length = 0; length < bytes.size(); ++length)
    CHECK_FALSE(DecodeKey(std::string_view(bytes).substr(0, length)).ok());
  std::string strange_role = bytes;
  strange_role[32] = 9;
  CHECK_FALSE(DecodeKey(strange_role).ok());
}

TEST_CASE("two keys are never alike") {
  const auto a = GenerateKey(Role::kAdmin, {}, "", 0), b = GenerateKey(Role::kAdmin, {}, "", 0);
  REQUIRE((a.ok() && b.ok()));
  CHECK(a->text != b->text);
  CHECK(a->key.id != b->key.id);
  CHECK_FALSE(GenerateKey(Role::kAdmin, {}, std::string(201, 'x'), 0).ok());
}

TEST_CASE("credentials are read from each header they may come in") {
  const auto read = [](std::string_view authorization, std::string_view x_api_key) {
    const auto credential = ReadCredential(authorization, x_api_key);
    if (!credential.ok()) return std::string("error");
    return *credential ? (*credential)->user + "|" + (*credential)->key : std::string("none");
  };
  CHECK(read("", "") == "none");
  CHECK(read("Bearer abc", "") == "|abc");
  CHECK(read("bearer   abc", "") == "|abc");
  CHECK(read("Basic YWNtZTpzZWNyZXQ=", "") == "acme|secret");
  CHECK(read("Basic OnNlY3JldA==", "") == "|secret");
  CHECK(read("", "abc") == "|abc");
  CHECK(read("Basic !!!!", "") == "error");
  CHECK(read("Basic YWNtZQ==", "") == "error");
  CHECK(read("Digest abc", "") == "error");
}

}  // namespace
}  // namespace neurallog::auth
