import type { Mark } from "../core/definition";
import { type DomainPower, type DomainRef, ERROR, type LibvirtClient } from "./client";
import { unlessGone } from "./clients";
import type { DomainInputs } from "./domain";
import { isUp } from "./power";
import { hasCode } from "./rpc/errors";
import { seedVolumeName, wantedDigest } from "./seed";
import { type DomainContext, domainElement } from "./xml/domain";
import { type Differences, differences, digestDifferences } from "./xml/domain-diff";
import { type DomainFacts, readDomain } from "./xml/domain-facts";
import { find, textOf, type XmlElement } from "./xml/element";
import { parseXml } from "./xml/parse";
import { templateDigest } from "./xml/template";

/** A domain as it is. */
export interface FoundDomain {
  ref: DomainRef;
  /** The persistent definition. */
  root: XmlElement;
  facts: DomainFacts;
  /** What runs, which an edit of the persistent definition does not change; undefined when off. */
  live: DomainFacts | undefined;
  power: DomainPower;
  autostart: boolean;
}

/** Four questions in one round trip. */
export async function lookAt(client: LibvirtClient, ref: DomainRef): Promise<FoundDomain | undefined> {
  const answers = await unlessGone(
    Promise.all([
      client.domainXml(ref, { inactive: true }),
      client.domainXml(ref),
      client.domainState(ref),
      // A transient domain has no autostart to tell.
      client.domainAutostart(ref).catch((error: unknown) => {
        if (hasCode(error, ERROR.operationInvalid)) return false;
        throw error;
      }),
    ]),
  );
  if (!answers) return undefined;
  const [persistentXml, liveXml, power, autostart] = answers;
  const root = parseXml(persistentXml);
  return {
    ref: {
      ...ref,
      name: textOf(find(root, "name")) ?? ref.name,
      uuid: textOf(find(root, "uuid")) ?? ref.uuid,
    },
    root,
    facts: readDomain(root),
    live: isUp(power) ? readDomain(parseXml(liveXml)) : undefined,
    power,
    autostart,
  };
}

/** The domain of the planned UUID, or else of the planned name. `expected` saves a round trip. */
export async function seekDomain(
  client: LibvirtClient,
  inputs: Pick<DomainInputs, "name" | "uuid" | "adopt">,
  expected = false,
): Promise<FoundDomain | undefined> {
  const { name, uuid } = inputs;
  const byUuid = expected && !inputs.adopt ? { name, uuid, id: -1 } : await client.domainByUuid(uuid);
  const found = byUuid && (await lookAt(client, byUuid));
  if (found) return found;
  const byName = await client.domainByName(name);
  return byName && lookAt(client, byName);
}

const CONSOLE_LOGS = "/var/log/libvirt";

/** A folder that every system daemon has; its `qemu` subfolder is missing before the first start. Others may not write there. */
const consoleLogOf = (uri: string, name: string): string | undefined =>
  /^[a-z+]+:\/\/[^/]*\/system(\?|$)/.test(uri) ? `${CONSOLE_LOGS}/${name}-console.log` : undefined;

/** What the definition depends on beside the inputs. */
export function contextOf(
  inputs: DomainInputs,
  mark: Mark,
  accel: DomainContext["accel"],
  uri = "",
): DomainContext {
  const consoleLog = consoleLogOf(uri, inputs.name);
  return {
    accel,
    ...(consoleLog === undefined ? {} : { consoleLog }),
    ...(inputs.cloudInit && inputs.seedPool !== undefined
      ? { seed: { pool: inputs.seedPool, volume: seedVolumeName(mark, inputs.name) } }
      : {}),
  };
}

export interface Compared {
  /** Of the persistent definition: cured by defining it anew. */
  persistent: Differences;
  /** Of what runs: cured by a restart. */
  live: Differences;
}

/** Compare both definitions with what we would write. `auto` keeps whichever kind the domain has. */
export function compare(inputs: DomainInputs, found: FoundDomain, mark: Mark): Compared {
  const accel = inputs.accel === "auto" ? (found.facts.type === "kvm" ? "kvm" : "tcg") : inputs.accel;
  const wanted = readDomain(domainElement(inputs, contextOf(inputs, mark, accel)));
  const digests = digestsOf(inputs);
  const of = (facts: DomainFacts): Differences => ({
    ...differences(inputs, wanted, facts),
    ...digestDifferences(digests, facts),
  });
  const live = found.live ? of(found.live) : {};
  delete live.intact; // power actions take effect at the next start, and need none of their own
  return { persistent: of(found.facts), live };
}

/** What goes into the mark beside the identity. */
export function digestsOf(inputs: DomainInputs): { seed?: string; template?: string } {
  const seed = wantedDigest(inputs);
  return {
    ...(seed === undefined ? {} : { seed }),
    ...(inputs.template === undefined ? {} : { template: templateDigest(inputs.template) }),
  };
}
