import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createMemoryJournal } from '../../src/journal/memory.ts'
import { MemoryBucket } from '../bucket/memory-objects.ts'
import { test } from '../serial.ts'
import { member, open } from './members.ts'

const never = new AbortController().signal
const id = (text: string): Uint8Array => new TextEncoder().encode(text)
const row = (text: string) => ({ table: 'meta', id: id(text) }) as const

test('a second member follows, and takes over with all that was acknowledged', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'dstore-set-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  for (const name of ['a', 'b']) await mkdir(join(directory, name))
  const journal = createMemoryJournal()
  const bucket = new MemoryBucket()
  const a = member({ directory, journal, bucket, name: 'a' })
  const b = member({ directory, journal, bucket, name: 'b' })
  const first = await a.set.stand(never)
  const store = await open(a.directory, first)
  t.true(first.mayServe())
  const standing = b.set.stand(never)
  for (let i = 0; i < 50; i++) {
    await store.commit({
      conditions: [],
      writes: [{ key: row(`k${i}`), value: id(`${i}`) }],
      entry: undefined,
    })
  }
  t.is(a.set.status().own.state, 'active')
  await store.close()
  const second = await standing
  const other = await open(b.directory, second)
  t.true(second.epoch > first.epoch)
  const rows = await other.rows([row('k0'), row('k49')])
  t.deepEqual(
    rows.map((one) => one && Buffer.from(one.value).toString()),
    ['0', '49'],
  )
  await other.close()
  await a.set.close()
  await b.set.close()
  await journal.close()
})
