/** Tells a file from every other of its machine. A path may lead two processes to two files. */
export interface FileIdentity {
  readonly device: bigint
  readonly inode: bigint
  /** As the system states it, which is not always the length. */
  readonly size: bigint
}
