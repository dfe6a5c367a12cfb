// Backups: POST begins one and answers with its job; GET lists what a folder holds.
#include "api/admin_request.h"
#include "api/json_members.h"
#include "backup/repository.h"
#include "base/time_format.h"
#include "objstore/local.h"

namespace neurallog::api {
namespace {

using engine::BackupJob;

std::string_view StateName(BackupJob::State state) {
  switch (state) {
    case BackupJob::State::kRunning: return "running";
    case BackupJob::State::kDone: return "done";
    case BackupJob::State::kFailed: return "failed";
  }
  return "";
}

std::string BackupJobJson(const BackupJob& job) {
  std::string json = "{\"id\":\"" + job.id + "\"";
  AppendText(&json, "state", StateName(job.state));
  AppendText(&json, "directory", job.directory);
  AppendText(&json, "begun", base::FormatRfc3339(job.begun_ns));
  if (job.ended_ns != 0) AppendText(&json, "ended", base::FormatRfc3339(job.ended_ns));
  AppendNumber(&json, "files", job.files_total);
  AppendNumber(&json, "files_done", job.files_done);
  AppendNumber(&json, "bytes", job.bytes_total);
  AppendNumber(&json, "bytes_done", job.bytes_done);
  if (job.state == BackupJob::State::kFailed) AppendText(&json, "error", job.error);
  if (job.state == BackupJob::State::kDone) {
    AppendText(&json, "backup", job.backup_id);
    AppendNumber(&json, "durable_lsn", job.durable_lsn);
    AppendNumber(&json, "new_files", job.new_files);
    AppendNumber(&json, "new_bytes", job.new_bytes);
  }
  return json.append("}");
}

std::string ManifestJson(const backup::Manifest& manifest) {
  std::string json = "{\"id\":\"" + manifest.id + "\"";
  AppendText(&json, "created", base::FormatRfc3339(manifest.created_ns));
  AppendText(&json, "server_version", manifest.server_version);
  AppendNumber(&json, "durable_lsn", manifest.durable_lsn);
  AppendNumber(&json, "files", manifest.files.size());
  AppendNumber(&json, "bytes", manifest.bytes());
  AppendNumber(&json, "new_files", manifest.new_files);
  AppendNumber(&json, "new_bytes", manifest.new_bytes);
  return json.append("}");
}

}  // namespace

void HandleCreateBackup(Context context) {
  OnWorker(std::move(context), [](Context& on) -> Status {
    NL_TRY(const Arguments arguments, Arguments::Read(on.request, {"directory"}));
    NL_TRY(const BackupJob job, on.api.backups().Start(arguments.Get("directory")));
    http::Response response;
    response.status = 202;
    response.content_type = "application/json";
    response.headers.emplace_back("Location", "/v1/backups/jobs/" + job.id);
    response.body = BackupJobJson(job) + "\n";
    on.responder->Send(std::move(response));
    return {};
  });
}

void HandleListBackups(Context context) {
  OnWorker(std::move(context), [](Context& on) -> Status {
    const http::QueryParams params(on.request.query());
    const std::string directory(params.Find("directory").value_or(""));
    if (!directory.starts_with('/'))
      return InvalidArgument("directory \"" + directory + "\": expected an absolute path");
    const backup::Repository repository(
        objstore::OpenLocalStore(&io::FileSystem::Posix(), directory));
    std::vector<std::string> damage;
    NL_TRY(const std::vector<backup::Manifest> manifests, repository.List(&damage));
    std::string json = "{\"backups\":[";
    for (const backup::Manifest& manifest : manifests)
      json.append(json.back() == '[' ? "" : ",").append(ManifestJson(manifest));
    json.append("],\"damaged\":[");
    for (const std::string& what : damage) {
      if (json.back() != '[') json.push_back(',');
      base::AppendJsonString(&json, what);
    }
    SendJson(on.responder, 200, json.append("]}\n"));
    return {};
  });
}

void HandleListBackupJobs(Context context) {
  std::string json = "{\"jobs\":[";
  for (const BackupJob& job : context.api.backups().List())
    json.append(json.back() == '[' ? "" : ",").append(BackupJobJson(job));
  SendJson(context.responder, 200, json.append("]}\n"));
}

void HandleBackupJob(Context context) {
  const std::string id = LastSegment(context.request);
  const auto job = context.api.backups().Find(id);
  if (!job) return SendStatus(context.responder, NotFound("there is no backup job " + id));
  SendJson(context.responder, 200, BackupJobJson(*job) + "\n");
}

}  // namespace neurallog::api
