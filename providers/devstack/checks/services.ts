import type { ServiceRecord } from "../api";
import type { VerifyInputs } from "../types";

const why = ({ reason }: ServiceRecord): string => (reason ? ` ("${reason}")` : "");

/** What is wrong with the services that each host must run; nova-compute is the hypervisors' matter. */
export function servicesWrong(
  wanted: VerifyInputs["services"],
  services: readonly ServiceRecord[],
): string[] {
  return Object.entries(wanted).flatMap(([host, binaries]) =>
    binaries
      .filter((binary) => binary !== "nova-compute")
      .flatMap((binary) => {
        const found = services.filter((service) => service.host === host && service.binary === binary);
        const [one] = found;
        if (!one) return [`${binary} on ${host} is not registered`];
        if (!found.some(({ isUp }) => isUp)) return [`${binary} on ${host} is down`];
        const isEnabled = found.some((service) => service.isEnabled);
        return isEnabled ? [] : [`${binary} on ${host} is disabled${why(one)}`];
      }),
  );
}

/** How many services of the layout there are, for the progress line. */
export const serviceCount = (wanted: VerifyInputs["services"]): number =>
  Object.values(wanted)
    .flat()
    .filter((binary) => binary !== "nova-compute").length;
