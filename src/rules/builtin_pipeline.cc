// The pipeline that is always there. Which channel and which event ids make a log source of Sigma is
// public knowledge, kept by SigmaHQ in tests/thor.yml; field names are those of Sysmon, of the Windows
// event log and its shippers, of the Elastic Common Schema and of OpenTelemetry's conventions.
#include "base/check.h"
#include "rules/pipeline.h"

namespace neurallog::rules {
namespace {

constexpr std::string_view kText = R"(
name: builtin
prefixes: [Event.EventData., Event.System., "Event.UserData.*.", winlog.event_data., winlog.user_data., winlog., EventData.,
  System., event_data., metadata.]
aliases:
  "Provider.#attributes.Name": Provider_Name
  "EventID.#text": EventID
  "Provider.Name": Provider_Name
  SourceName: Provider_Name
  provider_name: Provider_Name
  event_id: EventID
  event.code: EventID
  channel: Channel
  Hostname: Computer
  ComputerName: Computer
  computer_name: Computer
  host.name: Computer
  process.executable: Image
  process.executable.path: Image
  process.command_line: CommandLine
  process.working_directory: CurrentDirectory
  process.pe.original_file_name: OriginalFileName
  process.pe.description: Description
  process.pe.product: Product
  process.pe.company: Company
  process.pid: ProcessId
  process.hash.md5: md5
  process.hash.sha256: sha256
  process.hash.imphash: Imphash
  process.parent.executable: ParentImage
  process.parent.command_line: ParentCommandLine
  process.parent.pid: ParentProcessId
  process.parent_pid: ParentProcessId
  process.owner: User
  user.name: User
  file.path: TargetFilename
  dll.path: ImageLoaded
  registry.path: TargetObject
  registry.data.strings: Details
  dns.question.name: QueryName
  dns.resolved_ip: QueryResults
  source.ip: SourceIp
  source.port: SourcePort
  destination.ip: DestinationIp
  destination.domain: DestinationHostname
  destination.port: DestinationPort
  client.ip: c-ip
  client.address: c-ip
  url.original: c-uri
  url.full: c-uri
  url.path: cs-uri-stem
  url.query: cs-uri-query
  url.domain: cs-host
  http.request.method: cs-method
  http.request.referrer: cs-referer
  http.response.status_code: sc-status
  user_agent.original: c-useragent
sources:
  - {product: windows, category: process_creation, service: sysmon,
     when: {Channel: Microsoft-Windows-Sysmon/Operational, EventID: 1}}
  - {product: windows, category: process_creation, service: security,
     when: {Channel: Security, EventID: 4688}, fields: {NewProcessName: Image, ParentProcessName: ParentImage}}
  - {product: windows, category: file_change, service: sysmon,
     when: {Channel: Microsoft-Windows-Sysmon/Operational, EventID: 2}}
  - {product: windows, category: network_connection, service: sysmon,
     when: {Channel: Microsoft-Windows-Sysmon/Operational, EventID: 3}}
  - {product: windows, category: sysmon_status, service: sysmon,
     when: {Channel: Microsoft-Windows-Sysmon/Operational, EventID: 4}}
  - {product: windows, category: sysmon_status, service: sysmon,
     when: {Channel: Microsoft-Windows-Sysmon/Operational, EventID: 16}}
  - {product: windows, category: process_termination, service: sysmon,
     when: {Channel: Microsoft-Windows-Sysmon/Operational, EventID: 5}}
  - {product: windows, category: driver_load, service: sysmon,
     when: {Channel: Microsoft-Windows-Sysmon/Operational, EventID: 6}}
  - {product: windows, category: image_load, service: sysmon,
     when: {Channel: Microsoft-Windows-Sysmon/Operational, EventID: 7}}
  - {product: windows, category: create_remote_thread, service: sysmon,
     when: {Channel: Microsoft-Windows-Sysmon/Operational, EventID: 8}}
  - {product: windows, category: raw_access_thread, service: sysmon,
     when: {Channel: Microsoft-Windows-Sysmon/Operational, EventID: 9}}
  - {product: windows, category: process_access, service: sysmon,
     when: {Channel: Microsoft-Windows-Sysmon/Operational, EventID: 10}}
  - {product: windows, category: file_event, service: sysmon,
     when: {Channel: Microsoft-Windows-Sysmon/Operational, EventID: 11}}
  - {product: windows, category: registry_event, service: sysmon,
     when: {Channel: Microsoft-Windows-Sysmon/Operational, EventID: 12}}
  - {product: windows, category: registry_event, service: sysmon,
     when: {Channel: Microsoft-Windows-Sysmon/Operational, EventID: 13}}
  - {product: windows, category: registry_event, service: sysmon,
     when: {Channel: Microsoft-Windows-Sysmon/Operational, EventID: 14}}
  - {product: windows, category: registry_add, service: sysmon,
     when: {Channel: Microsoft-Windows-Sysmon/Operational, EventID: 12, EventType: CreateKey}}
  - {product: windows, category: registry_delete, service: sysmon,
     when: {Channel: Microsoft-Windows-Sysmon/Operational, EventID: 12, EventType: DeleteKey}}
  - {product: windows, category: registry_delete, service: sysmon,
     when: {Channel: Microsoft-Windows-Sysmon/Operational, EventID: 12, EventType: DeleteValue}}
  - {product: windows, category: registry_set, service: sysmon,
     when: {Channel: Microsoft-Windows-Sysmon/Operational, EventID: 13}}
  - {product: windows, category: registry_rename, service: sysmon,
     when: {Channel: Microsoft-Windows-Sysmon/Operational, EventID: 14}}
  - {product: windows, category: create_stream_hash, service: sysmon,
     when: {Channel: Microsoft-Windows-Sysmon/Operational, EventID: 15}}
  - {product: windows, category: pipe_created, service: sysmon,
     when: {Channel: Microsoft-Windows-Sysmon/Operational, EventID: 17}}
  - {product: windows, category: pipe_created, service: sysmon,
     when: {Channel: Microsoft-Windows-Sysmon/Operational, EventID: 18}}
  - {product: windows, category: wmi_event, service: sysmon,
     when: {Channel: Microsoft-Windows-Sysmon/Operational, EventID: 19}}
  - {product: windows, category: wmi_event, service: sysmon,
     when: {Channel: Microsoft-Windows-Sysmon/Operational, EventID: 20}}
  - {product: windows, category: wmi_event, service: sysmon,
     when: {Channel: Microsoft-Windows-Sysmon/Operational, EventID: 21}}
  - {product: windows, category: dns_query, service: sysmon,
     when: {Channel: Microsoft-Windows-Sysmon/Operational, EventID: 22}}
  - {product: windows, category: file_delete, service: sysmon,
     when: {Channel: Microsoft-Windows-Sysmon/Operational, EventID: 23}}
  - {product: windows, category: clipboard_change, service: sysmon,
     when: {Channel: Microsoft-Windows-Sysmon/Operational, EventID: 24}}
  - {product: windows, category: process_tampering, service: sysmon,
     when: {Channel: Microsoft-Windows-Sysmon/Operational, EventID: 25}}
  - {product: windows, category: file_delete_detected, service: sysmon,
     when: {Channel: Microsoft-Windows-Sysmon/Operational, EventID: 26}}
  - {product: windows, category: file_block_executable, service: sysmon,
     when: {Channel: Microsoft-Windows-Sysmon/Operational, EventID: 27}}
  - {product: windows, category: file_block_shredding, service: sysmon,
     when: {Channel: Microsoft-Windows-Sysmon/Operational, EventID: 28}}
  - {product: windows, category: file_executable_detected, service: sysmon,
     when: {Channel: Microsoft-Windows-Sysmon/Operational, EventID: 29}}
  - {product: windows, category: sysmon_error, service: sysmon,
     when: {Channel: Microsoft-Windows-Sysmon/Operational, EventID: 255}}
  - {product: windows, category: ps_module, service: powershell,
     when: {Channel: [Microsoft-Windows-PowerShell/Operational, PowerShellCore/Operational], EventID: 4103}}
  - {product: windows, category: ps_script, service: powershell,
     when: {Channel: [Microsoft-Windows-PowerShell/Operational, PowerShellCore/Operational], EventID: 4104}}
  - {product: windows, category: ps_classic_start, service: powershell-classic,
     when: {Channel: "Windows PowerShell", EventID: 400}}
  - {product: windows, category: ps_classic_provider_start, service: powershell-classic,
     when: {Channel: "Windows PowerShell", EventID: 600}}
  - {product: windows, category: ps_classic_script, service: powershell-classic,
     when: {Channel: "Windows PowerShell", EventID: 800}}
  - {product: windows, category: antivirus, service: windefend,
     when: {Channel: "Microsoft-Windows-Windows Defender/Operational", EventID: [1006, 1007, 1008, 1009, 1010, 1011, 1012, 1017, 1018, 1019, 1115, 1116]}, fields: {ThreatName: Signature, Path: Filename}}
  - {product: windows, service: application,
     when: {Channel: Application}}
  - {product: windows, service: security,
     when: {Channel: Security}}
  - {product: windows, service: system,
     when: {Channel: System}}
  - {product: windows, service: ntlm,
     when: {Channel: Microsoft-Windows-NTLM/Operational}}
  - {product: windows, service: sysmon,
     when: {Channel: Microsoft-Windows-Sysmon/Operational}}
  - {product: windows, service: powershell,
     when: {Channel: [Microsoft-Windows-PowerShell/Operational, PowerShellCore/Operational]}}
  - {product: windows, service: powershell-classic,
     when: {Channel: "Windows PowerShell"}}
  - {product: windows, service: taskscheduler,
     when: {Channel: Microsoft-Windows-TaskScheduler/Operational}}
  - {product: windows, service: wmi,
     when: {Channel: Microsoft-Windows-WMI-Activity/Operational}}
  - {product: windows, service: dhcp,
     when: {Channel: Microsoft-Windows-DHCP-Server/Operational}}
  - {product: windows, service: printservice-admin,
     when: {Channel: Microsoft-Windows-PrintService/Admin}}
  - {product: windows, service: smbclient-security,
     when: {Channel: Microsoft-Windows-SmbClient/Security}}
  - {product: windows, service: smbclient-connectivity,
     when: {Channel: Microsoft-Windows-SmbClient/Connectivity}}
  - {product: windows, service: smbserver-connectivity,
     when: {Channel: Microsoft-Windows-SMBServer/Connectivity}}
  - {product: windows, service: printservice-operational,
     when: {Channel: Microsoft-Windows-PrintService/Operational}}
  - {product: windows, service: terminalservices-localsessionmanager,
     when: {Channel: Microsoft-Windows-TerminalServices-LocalSessionManager/Operational}}
  - {product: windows, service: codeintegrity-operational,
     when: {Channel: Microsoft-Windows-CodeIntegrity/Operational}}
  - {product: windows, service: applocker,
     when: {Channel: ["Microsoft-Windows-AppLocker/MSI and Script", "Microsoft-Windows-AppLocker/EXE and DLL", "Microsoft-Windows-AppLocker/Packaged app-Deployment", "Microsoft-Windows-AppLocker/Packaged app-Execution"]}}
  - {product: windows, service: msexchange-management,
     when: {Channel: "MSExchange Management"}}
  - {product: windows, service: windefend,
     when: {Channel: "Microsoft-Windows-Windows Defender/Operational"}}
  - {product: windows, service: firewall-as,
     when: {Channel: "Microsoft-Windows-Windows Firewall With Advanced Security/Firewall"}}
  - {product: windows, service: bits-client,
     when: {Channel: Microsoft-Windows-Bits-Client/Operational}}
  - {product: windows, service: security-mitigations,
     when: {Channel: ["Microsoft-Windows-Security-Mitigations/Kernel Mode", "Microsoft-Windows-Security-Mitigations/User Mode"]}}
  - {product: windows, service: diagnosis-scripted,
     when: {Channel: Microsoft-Windows-Diagnosis-Scripted/Operational}}
  - {product: windows, service: shell-core,
     when: {Channel: Microsoft-Windows-Shell-Core/Operational}}
  - {product: windows, service: openssh,
     when: {Channel: OpenSSH/Operational}}
  - {product: windows, service: ldap,
     when: {Channel: Microsoft-Windows-LDAP-Client/Debug}}
  - {product: windows, service: bitlocker,
     when: {Channel: "Microsoft-Windows-BitLocker/BitLocker Management"}}
  - {product: windows, service: vhdmp,
     when: {Channel: Microsoft-Windows-VHDMP/Operational}}
  - {product: windows, service: appxdeployment-server,
     when: {Channel: Microsoft-Windows-AppXDeploymentServer/Operational}}
  - {product: windows, service: lsa-server,
     when: {Channel: Microsoft-Windows-LSA/Operational}}
  - {product: windows, service: appxpackaging-om,
     when: {Channel: Microsoft-Windows-AppxPackaging/Operational}}
  - {product: windows, service: dns-client,
     when: {Channel: "Microsoft-Windows-DNS Client Events/Operational"}}
  - {product: windows, service: appmodel-runtime,
     when: {Channel: Microsoft-Windows-AppModel-Runtime/Admin}}
  - {product: windows, service: capi2,
     when: {Channel: Microsoft-Windows-CAPI2/Operational}}
  - {product: windows, service: certificateservicesclient-lifecycle-system,
     when: {Channel: Microsoft-Windows-CertificateServicesClient-Lifecycle-System/Operational}}
  - {product: windows, service: kernel-shimengine,
     when: {Channel: [Microsoft-Windows-Kernel-ShimEngine/Operational, Microsoft-Windows-Kernel-ShimEngine/Diagnostic]}}
  - {product: windows, service: application-experience,
     when: {Channel: [Microsoft-Windows-Application-Experience/Program-Telemetry, Microsoft-Windows-Application-Experience/Program-Compatibility-Assistant]}}
  - {product: windows, service: ntfs,
     when: {Channel: Microsoft-Windows-Ntfs/Operational}}
  - {product: windows, service: hyper-v-worker,
     when: {Channel: Microsoft-Windows-Hyper-V-Worker}}
  - {product: windows, service: kernel-event-tracing,
     when: {Channel: Microsoft-Windows-Kernel-EventTracing}}
  - {product: windows, service: sense,
     when: {Channel: Microsoft-Windows-SENSE/Operational}}
  - {product: windows, service: servicebus-client,
     when: {Channel: [Microsoft-ServiceBus-Client/Admin, Microsoft-ServiceBus-Client/Operational]}}
  - {product: windows, service: iis-configuration,
     when: {Channel: Microsoft-IIS-Configuration/Operational}}
)";

Pipeline Read() {
  const Documents read = ParseDocuments(kText, {});
  std::vector<Problem> problems = read.problems;
  NL_CHECK(problems.empty() && read.documents.size() == 1);
  auto pipeline = ParsePipeline(read.documents[0], &problems);
  NL_CHECK(pipeline.has_value());
  return std::move(*pipeline);
}

}  // namespace

const Pipeline& BuiltinPipeline() {
  static const Pipeline pipeline = Read();
  return pipeline;
}

}  // namespace neurallog::rules
