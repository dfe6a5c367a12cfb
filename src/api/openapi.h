// The document at /v1/openapi.json.
#pragma once

#include <string>
#include <string_view>

namespace neurallog::api {

std::string OpenApiDocument();
// Its schemas and ways to authenticate: src/api/openapi_schemas.cc.
std::string_view OpenApiComponents();

}  // namespace neurallog::api
