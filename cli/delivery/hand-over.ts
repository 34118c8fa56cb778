/** What a command tells the daemon of the file that it has made for a value (R007-183). */
import { fstatSync, realpath } from 'node:fs'
import { promisify } from 'node:util'
import type { HandedFile } from '../../src/daemon/client/value-client.ts'
import { isLossy } from '../../src/utf8.ts'
import type { Output } from '../terminal/output.ts'

const realPathOf = promisify(realpath)

/** The file behind an output; undefined without one, or if its path cannot be told. */
export async function fileForDaemon(
  { partial }: Pick<Output, 'partial'>,
  name: string = 'the file',
): Promise<HandedFile | undefined> {
  if (partial === undefined) return undefined
  const path = await realPathOf(partial.path).catch(() => undefined)
  if (path === undefined || isLossy(path)) return undefined
  const { dev: device, ino: inode } = fstatSync(partial.fd, { bigint: true })
  return { path, name, device, inode }
}
