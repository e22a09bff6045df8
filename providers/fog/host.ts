/** A host's record in a FOG server. Which image it has is no part of it: that is the imaged host's. */
export interface HostInputs {
  /** Name in the server, at most 15 characters. */
  name: string;
  backend: string;
  /** Lower case with colons, the one that boots from the network first. Absent: those of the record stay. */
  macs?: string[];
  adopt?: boolean;
  onDestroy?: "release" | "delete";
}

export interface HostState extends HostInputs {
  hostId: number;
  /** True when it existed before us: destroy takes the mark off and leaves it. */
  adopted: boolean;
}
