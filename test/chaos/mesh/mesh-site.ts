/** Where the nodes of a mesh are, and how what they say to each other can be lost on the way. */

/** From where on nothing arrives: seen from the worker at the far end of the line. */
export type Cut = 'both ways' | 'to the owner' | 'from the owner';

/** Each worker has a line of its own to the owner. */
export interface MeshSite {
  readonly where: string;
  /** What a process of the node is run by. */
  by(node: string): readonly string[];
  /** Flags of the owner: where it listens. */
  readonly ownerFlags: readonly string[];
  /** Where the worker finds the owner. */
  joinUrl(worker: string): string;
  /** The port of this machine at which clients find the owner. */
  readonly clientPort: number;
  /** From now on what is sent is lost, without a word to anybody. */
  cut(worker: string, cut: Cut): Promise<void>;
  /** Whether lines can be slow here. */
  readonly canSlow: boolean;
  /** 200 ± 100 ms each way, and 5 % of what is sent is lost on its way, and sent again. */
  slow(worker: string): Promise<void>;
  /** The line is as it was. */
  heal(worker: string): Promise<void>;
  close(): Promise<void>;
}
