// The handlers of /v1/packs.
#pragma once

#include "api/api.h"

namespace neurallog::api {

void HandleListPacks(Context context);
void HandleGetPack(Context context);
void HandlePutPack(Context context);
void HandleDeletePack(Context context);
void HandleSubscribe(Context context);
void HandleUnsubscribe(Context context);

}  // namespace neurallog::api
