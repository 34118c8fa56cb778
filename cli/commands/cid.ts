/** `dstore cid`: the keys of files, without a daemon. */
import { forEach } from '../each.ts'
import type { Invocation } from '../invocation.ts'

export async function cid({ positionals, terminal, signal }: Invocation): Promise<number> {
  const { keyOfFile, keyOfStream } = await import('../hashing.ts')
  return forEach(positionals, terminal, async (file) => {
    const { key, size } =
      file === '-' ? await keyOfStream(process.stdin, signal) : await keyOfFile(file, signal)
    await terminal.printFact({ file, key, size }, key)
  })
}
