import type { ProcedureName } from "../../../providers/libvirt/rpc/procedures";
import { connectionHandlers } from "./connection";
import { domainHandlers } from "./domain";
import { eventHandlers } from "./event";
import { guestHandlers } from "./guest";
import type { Handler } from "./handler";
import { networkHandlers } from "./network";
import { poolHandlers } from "./pool";
import { volumeHandlers } from "./volume";

/** Every procedure that the client knows, answered: the compiler finds one that is missing. */
export const HANDLERS: Record<ProcedureName, Handler> = {
  ...connectionHandlers,
  ...domainHandlers,
  ...guestHandlers,
  ...eventHandlers,
  ...networkHandlers,
  ...poolHandlers,
  ...volumeHandlers,
};
