/** `dstore cid`: the keys of files, without a daemon. */
import { forEach } from '../each.ts'
import { inspect, openInput } from '../input/input.ts'
import type { Invocation } from '../invocation.ts'

export async function cid({ positionals, terminal, signal }: Invocation): Promise<number> {
  const { keyOfFile, keyOfStream } = await import('../input/hashing.ts')
  return forEach(positionals, terminal, async (file) => {
    const found = inspect(file)
    const line = terminal.progress(found === undefined ? 'standard input' : file)
    const { key, size } = await (
      found?.isFile() === true
        ? keyOfFile(file, signal, (done, total) => line?.update(done, total))
        : keyOfStream((await openInput(file)).bytes, signal)
    ).finally(() => line?.end())
    await terminal.printFact({ file, key, size }, key)
  })
}
