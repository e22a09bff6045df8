import type { Command } from "../interpreter";
import { cloneVm } from "./clone";
import { controlVm, discardState, startVm } from "./control";
import { dhcpServer } from "./dhcp";
import { exportAppliance } from "./export";
import { getExtraData, guestProperty, setExtraData } from "./extra-data";
import { hostOnlyIf } from "./host-only";
import { list } from "./list";
import { cloneMedium, closeMedium, convertFromRaw, createMedium } from "./medium";
import { mediumProperty, modifyMedium, showMediumInfo } from "./medium-info";
import { modifyVm } from "./modify";
import { natNetwork } from "./nat-network";
import { setProperty } from "./properties";
import { sharedFolder } from "./shared-folder";
import { showVmInfo } from "./show";
import { snapshot } from "./snapshot";
import { storageAttach, storageCtl } from "./storage";
import { createVm, registerVm, unregisterVm } from "./vm";

/** One handler a command, by VBoxManage's names. */
export const COMMANDS: Readonly<Record<string, Command>> = {
  list,
  showvminfo: showVmInfo,
  createvm: createVm,
  registervm: registerVm,
  unregistervm: unregisterVm,
  modifyvm: modifyVm,
  clonevm: cloneVm,
  export: exportAppliance,
  startvm: startVm,
  controlvm: controlVm,
  discardstate: discardState,
  storagectl: storageCtl,
  storageattach: storageAttach,
  createmedium: createMedium,
  createhd: createMedium,
  createvdi: createMedium,
  modifymedium: modifyMedium,
  modifyhd: modifyMedium,
  clonemedium: cloneMedium,
  clonehd: cloneMedium,
  closemedium: closeMedium,
  showmediuminfo: showMediumInfo,
  showhdinfo: showMediumInfo,
  mediumproperty: mediumProperty,
  convertfromraw: convertFromRaw,
  convertdd: convertFromRaw,
  getextradata: getExtraData,
  setextradata: setExtraData,
  guestproperty: guestProperty,
  sharedfolder: sharedFolder,
  snapshot,
  natnetwork: natNetwork,
  dhcpserver: dhcpServer,
  hostonlyif: hostOnlyIf,
  setproperty: setProperty,
};
