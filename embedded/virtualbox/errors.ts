/** Codes of VirtualBox's COM interfaces (include/VBox/com, IDL), as VBoxManage prints them. */
export const CODE = {
  NS_ERROR_FAILURE: "0x80004005",
  NS_ERROR_INVALID_ARG: "0x80070057",
  VBOX_E_OBJECT_NOT_FOUND: "0x80bb0001",
  VBOX_E_INVALID_VM_STATE: "0x80bb0002",
  VBOX_E_FILE_ERROR: "0x80bb0004",
  VBOX_E_IPRT_ERROR: "0x80bb0005",
  VBOX_E_INVALID_OBJECT_STATE: "0x80bb0007",
  VBOX_E_NOT_SUPPORTED: "0x80bb0009",
  VBOX_E_OBJECT_IN_USE: "0x80bb000c",
} as const;
export type CodeName = keyof typeof CODE;

/** The call in VBoxManage that failed: the text in quotes, the line and the file that it prints. */
export interface Context {
  call: string;
  line: number;
  file: string;
}

export const context = (call: string, line: number, file: string): Context => ({
  call,
  line,
  file: `VBoxManage${file}.cpp`,
});

/** Ends a command: what is said on stderr, one entry a line, and the exit code. */
export class Refusal extends Error {
  constructor(
    readonly lines: string[],
    readonly exit = 1,
    /** Breaks the progress bar off with this word, before the lines. */
    readonly atProgress?: string,
    /** Lines go to stdout as they are. */
    readonly plain = false,
  ) {
    super(lines.join("\n"));
  }
}

/** Where a COM error came from: its component, and mostly the interface named after it. */
export interface Origin {
  component: string;
  interface: string;
}
const origin = (component: string, name: string): Origin => ({ component, interface: name });
export const FROM = {
  virtualBox: origin("VirtualBoxWrap", "IVirtualBox"),
  machine: origin("MachineWrap", "IMachine"),
  session: origin("SessionMachine", "IMachine"),
  medium: origin("MediumWrap", "IMedium"),
  adapter: origin("NetworkAdapterWrap", "INetworkAdapter"),
  nat: origin("NATEngineWrap", "INATEngine"),
  natNetwork: origin("NATNetworkWrap", "INATNetwork"),
  dhcp: origin("DHCPServerWrap", "IDHCPServer"),
  host: origin("HostWrap", "IHost"),
  controller: origin("StorageControllerWrap", "IStorageController"),
  sharedFolder: origin("SharedFolderWrap", "ISharedFolder"),
  appliance: origin("ApplianceWrap", "IAppliance"),
} as const;

const contextLine = ({ call, line, file }: Context): string =>
  `Context: "${call}" at line ${line} of file ${file}`;

/** A call that failed at once, with the error's own text. */
export const comLines = (text: string, code: CodeName, from: Origin, at?: Context): string[] => [
  ...text.split("\n"),
  `Details: code ${code} (${CODE[code]}), component ${from.component}, interface ${from.interface}, callee nsISupports`,
  ...(at ? [contextLine(at)] : []),
];

export const com = (text: string, code: CodeName, from: Origin, at: Context, exit = 1): Refusal =>
  new Refusal(comLines(text, code, from, at), exit);

/** An operation with a progress bar that failed on its way. */
export const failedOperation = (
  what: string,
  text: string,
  code: CodeName,
  from: Origin,
  at: Context,
): Refusal =>
  new Refusal(
    [
      what,
      ...text.split("\n"),
      `Details: code ${code} (${CODE[code]}), component ${from.component}, interface ${from.interface}`,
      contextLine(at),
    ],
    1,
    code,
  );

/** An error without a text of its own. */
export const bare = (code: CodeName, meaning: string, at: Context): string[] => [
  `Code ${code} (${CODE[code]}) - ${meaning} (extended info not available)`,
  contextLine(at),
];

/** Said by VBoxManage itself. */
export const said = (text: string, exit = 1): Refusal => new Refusal([text], exit);

/** Wrong words on the command line. `twice`: commands of newer code say it again after the usage. */
export class SyntaxRefusal extends Error {
  constructor(
    readonly text: string,
    readonly command: string,
    readonly exit = 2,
    readonly twice = false,
    /** Said by the option reader: no empty line before the usage. */
    readonly tight = false,
  ) {
    super(text);
  }
}
