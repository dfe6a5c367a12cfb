// How actions and their deliveries are shown, and what their requests have in common.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "actions/actions.h"
#include "api/api.h"

namespace neurallog::api {

Result<std::string> ActionJson(const Context& context, const actions::StoredAction& action);
std::string DeliveryJson(const actions::Delivery& delivery);
// [{"time":"...","took_ms":3,"outcome":"retry","status":503,"error":"...","answer":"..."}]
std::string AttemptsJson(const actions::Delivery& delivery);
Result<actions::DeliveryId> ReadDeliveryId(std::string_view name, std::string_view text);

// The filter of deliveries; `find` gives what the request says of a name, empty: nothing.
using FindText = std::function<std::string(std::string_view name)>;
Result<actions::DeliveryQuery> ReadDeliveryQuery(const FindText& find, int64_t now_ns);

}  // namespace neurallog::api
