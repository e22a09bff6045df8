export function openStackPluginVersion(): string;
export function openStackPluginFile(): string;
export function ensureOpenStackPlugin(): Promise<string>;
