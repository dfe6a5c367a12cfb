// /v1/silences, /v1/maintenance-windows, /v1/inhibitions, /v1/time-intervals: what nobody wants to be told.
#pragma once

#include "actions/noise_rule.h"
#include "api/api.h"

namespace neurallog::api {

template <actions::NoiseKind kKind>
void HandleListNoise(Context context);
template <actions::NoiseKind kKind>
void HandleCreateNoise(Context context);
template <actions::NoiseKind kKind>
void HandlePutNoise(Context context);
template <actions::NoiseKind kKind>
void HandleGetNoise(Context context);
template <actions::NoiseKind kKind>
void HandleDeleteNoise(Context context);

}  // namespace neurallog::api
