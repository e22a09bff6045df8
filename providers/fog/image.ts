/** An image's record in a FOG server, of one that we register or adopt. */
export interface ImageInputs {
  /** Name in the server. */
  name: string;
  backend: string;
  /** Folder in the server's image store; of an adopted one its own, when absent. */
  path?: string;
  /** Of one that we register 50, Linux, when absent; of an adopted one its own. So with the next three. */
  osId?: number;
  imageType?: number;
  partitionType?: number;
  enabled?: boolean;
  adopt?: boolean;
  onDestroy?: "release" | "delete";
}

export interface ImageState extends ImageInputs {
  imageId: number;
  adopted: boolean;
}
