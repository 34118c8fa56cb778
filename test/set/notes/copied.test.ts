import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createMemoryJournal } from '../../journal/memory-journal.ts'
import { MemoryBucket } from '../../bucket/memory-objects.ts'
import { eventually } from '../../eventually.ts'
import { test } from '../../serial.ts'
import { member, open } from '../members.ts'

const never = new AbortController().signal

test('R012-22: a copy of a member is refused while it stands by, and when it is active', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'dstore-set-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  for (const name of ['a', 'c']) await mkdir(join(directory, name))
  const journal = createMemoryJournal()
  const bucket = new MemoryBucket()
  const own = member({ directory, journal, bucket, name: 'a' })
  const elected = await own.set.stand(never)
  const store = await open(own.directory, elected)
  t.true(await eventually(async () => bucket.keys('m/').length === 1))
  const copyOf = () => member({ directory, journal, bucket, name: 'c', idOf: 'a' })
  /** Rounds of notes of both, until something ends. */
  const until = async <T>(copy: ReturnType<typeof copyOf>, end: Promise<T>): Promise<T> => {
    const over = new AbortController()
    const noting = async (): Promise<void> => {
      while (!over.signal.aborted) {
        await Promise.all([own.set.freshen(), copy.set.freshen()])
        await new Promise((resolve) => setTimeout(resolve, 100))
      }
    }
    const rounds = noting()
    const ended = await end
    over.abort()
    await rounds
    return ended
  }

  const standing = copyOf()
  const refused = standing.set.stand(never).then(
    () => undefined,
    (error: unknown) => error,
  )
  const why = await until(standing, refused)
  t.like(why, { code: 'conflict' })
  t.regex((why as Error).message, /another process runs as this member/)
  await standing.set.close()
  t.true(elected.mayServe())

  const active = copyOf()
  const taking = active.set.stand(never)
  await store.close()
  const its = await taking
  const other = await open(active.directory, its)
  t.like(await until(active, its.lost), { code: 'conflict' })
  t.false(its.mayServe())
  await other.close()
  await active.set.close()
  await own.set.close()
  await journal.close()
})
