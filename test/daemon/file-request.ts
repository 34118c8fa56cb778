/** What a client says of a file that the daemon is to read by its path (R007-92). */
import { statSync } from 'node:fs'

/** The body of `POST /v1/files`. */
export function fileRequest(path: string, more: Readonly<Record<string, unknown>> = {}): string {
  const { dev, ino, size } = statSync(path, { bigint: true })
  const identity = { device: String(dev), inode: String(ino), size: Number(size) }
  return JSON.stringify({ path, ...identity, ...more })
}
