import { type Mark, markText, type Run } from "../core/definition";
import { pruned } from "../core/reported";
import type { Hypervisor, ServiceRecord } from "./api";
import type { Controller, ControllerInputs } from "./cloud";
import type { HostMapping } from "./nova-manage";
import type { JoinInputs, JoinState } from "./types";

export const who = ({ hostName, name }: Pick<JoinInputs, "hostName" | "name">): string =>
  name === hostName ? `compute "${name}"` : `compute "${name}" (${hostName})`;

export const controllerOf = (inputs: JoinInputs): ControllerInputs => ({
  ...{ who: who(inputs), backend: inputs.backend, login: inputs.login, user: inputs.user, home: inputs.home },
});

/** Nova keeps it with the service: who disabled it, and why. At most 255 characters fit. */
export const disabledText = (mark: Mark): string => `labplan ${markText(mark)}: leaves the layout`;

/** Any resource of this stack: a compute may have been renamed since. */
export const isDisabledByUs = ({ reason = "" }: ServiceRecord, { lab, stack }: Mark): boolean =>
  reason.startsWith(`labplan ${lab}/${stack}/`);

/** What the cloud knows of a compute. */
export interface Found {
  service: ServiceRecord | undefined;
  mapping: HostMapping | undefined;
  hypervisor: Hypervisor | undefined;
}

export async function lookAt(
  inputs: Pick<JoinInputs, "hostName">,
  { api, manage }: Controller,
  run: Pick<Run, "signal">,
  isLook: boolean,
): Promise<Found> {
  const { hostName } = inputs;
  const [services, hosts, hypervisors] = await Promise.all([
    api.services({ binary: "nova-compute", host: hostName }),
    isLook ? manage.hostsShared(run.signal) : manage.hosts(run.signal),
    api.hypervisors(),
  ]);
  return {
    service: services.find(({ host }) => host === hostName),
    mapping: hosts.find(({ host }) => host === hostName),
    hypervisor: hypervisors.find(({ host }) => host === hostName),
  };
}

export function stateOf(
  inputs: JoinInputs,
  { service, mapping, hypervisor }: Found,
  run: Pick<Run, "mark">,
  known?: Partial<JoinState>,
): JoinState {
  const isOurs = service !== undefined && !service.isEnabled && isDisabledByUs(service, run.mark);
  const isHeld = service !== undefined && !service.isEnabled && !isOurs;
  return pruned<JoinState>({
    ...inputs,
    cell: mapping?.cell ?? inputs.cell,
    serviceId: service?.id ?? "",
    enabled: service !== undefined && !isOurs,
    mapped: mapping !== undefined,
    heldBack: isHeld ? (service?.reason ?? "no reason given") : undefined,
    providerId: hypervisor?.id ?? known?.providerId,
    providerName: hypervisor?.name ?? known?.providerName,
  });
}
