/** 100,000 tags of one key on disk: the last costs what the first did. Takes some minutes. */
import { Key } from '../../src/hash/key.ts'
import { hash } from '../../src/hash/hasher.ts'
import { test } from '../serial.ts'
import { Nodes, once } from './nodes.ts'

const TAGS = 100_000
const AT_ONCE = 4
/** Tags that are bound in one turn, and turns. */
const TURN = 256
const TURNS = 10

const valueOf = (text: string): { bytes: Uint8Array; key: Key } => {
  const bytes = Buffer.from(text)
  return { bytes, key: new Key(hash(bytes).digest) }
}

test('R004-115: on disk the last of 100,000 tags of a key costs at most 1.2 times the first', async (t) => {
  t.timeout(1_800_000)
  const nodes = new Nodes(t)
  const node = await nodes.open({ role: 'standalone', store: 'disk' })
  const [many, few] = [valueOf('many'), valueOf('few')]
  for (const { bytes } of [many, few]) await node.put({ bytes: once(bytes) })
  let count = 0
  const bind = async (key: Key, tags: number): Promise<void> => {
    let left = tags
    const worker = async (): Promise<void> => {
      while (left-- > 0) await node.index.tag(`tags/${count++}`, key)
    }
    await Promise.all(Array.from({ length: AT_ONCE }, worker))
  }
  const began = performance.now()
  await bind(many.key, TAGS)
  t.log(`${TAGS} tags in ${Math.round((performance.now() - began) / 1000)} s`)
  /** Processor seconds of a turn. */
  const timed = async (key: Key): Promise<number> => {
    const before = process.cpuUsage()
    await bind(key, TURN)
    const { user, system } = process.cpuUsage(before)
    return (user + system) / 1e6
  }
  const best = { many: Infinity, few: Infinity }
  for (let turn = 0; turn < TURNS; turn++) {
    best.few = Math.min(best.few, await timed(few.key))
    best.many = Math.min(best.many, await timed(many.key))
  }
  const ratio = best.many / best.few
  t.log(`${TURN} tags: ${best.few} s of a key with few, ${best.many} s with ${TAGS}: ${ratio}`)
  t.true(ratio <= 1.2)
  t.true((await node.index.stat(many.key))!.names.length > 0)
})
