/** `dstore cid`: the keys of files, without a daemon. */
import { forEach } from '../each.ts'
import { inspect, openInput } from '../input.ts'
import type { Invocation } from '../invocation.ts'

export async function cid({ positionals, terminal, signal }: Invocation): Promise<number> {
  const { keyOfFile, keyOfStream } = await import('../hashing.ts')
  return forEach(positionals, terminal, async (file) => {
    const { key, size } =
      inspect(file)?.isFile() === true
        ? await keyOfFile(file, signal)
        : await keyOfStream((await openInput(file)).bytes, signal)
    await terminal.printFact({ file, key, size }, key)
  })
}
