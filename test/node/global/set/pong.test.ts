import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { createMemoryJournal } from '../../../journal/memory-journal.ts'
import type { Journal } from '../../../../src/journal/journal.ts'
import { SILENT } from '../../../../src/log.ts'
import { IndexDriver } from '../../../../src/node/global/index-driver.ts'
import { Repair } from '../../../../src/node/global/repair.ts'
import { elsewhereOf } from '../../../../src/node/global/set/elsewhere.ts'
import { MemoryBucket } from '../../../bucket/memory-objects.ts'
import { temporaryDirectory } from '../../../daemon/serving.ts'
import { eventually } from '../../../eventually.ts'
import { Stranger } from '../../../network/stranger.ts'
import { test } from '../../../serial.ts'
import { member, open } from '../../../set/members.ts'
import { channelPair } from '../../../wire/memory-pair.ts'

/** A journal whose appends arrive, and are acknowledged when the test says so. */
function gated() {
  const journal = createMemoryJournal()
  const gate = { isShut: false, waiting: [] as (() => void)[] }
  const way: Journal = {
    append: async (after, entry) => {
      const answer = await journal.append(after, entry)
      if (gate.isShut) await new Promise<void>((resolve) => gate.waiting.push(resolve))
      return answer
    },
    extent: () => journal.extent(),
    at: (position) => journal.at(position),
    follow: (after, signal) => journal.follow(after, signal),
    trim: (upto) => journal.trim(upto),
    close: () => journal.close(),
  }
  return { gate, journal: way }
}

/** Whatever is on its way has come. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve))
}

test('R012-44 a pong that renews a lease waits for an append that began after its ping came', async (t) => {
  t.timeout(60_000)
  const directory = temporaryDirectory(t)
  await mkdir(join(directory, 'a'))
  const { gate, journal } = gated()
  const a = member({ directory, journal, bucket: new MemoryBucket() })
  const elected = await a.set.stand(new AbortController().signal)
  const store = await open(a.directory, elected)
  const set = { elected } as Parameters<typeof elsewhereOf>[0]['set'] & object
  const driver = await IndexDriver.open({
    store,
    repair: new Repair({ store, log: SILENT }),
    log: SILENT,
    now: () => performance.now(),
    wall: Date.now,
    random: (bytes) => crypto.getRandomValues(new Uint8Array(bytes)),
    leaseMs: 60_000,
    ...elsewhereOf({ set }),
  })
  t.teardown(async () => {
    gate.isShut = false
    for (const release of gate.waiting) release()
    await driver.close()
    await store.close()
    await a.set.close()
  })
  await driver.ask({ type: 'admit', peer: 'L', role: 'admin' })
  const [first, second] = channelPair({ peers: ['L', 'Global'] })
  const [mine, theirs] = first.peer === 'L' ? [second, first] : [first, second]
  void driver.serve(theirs)
  const local = new Stranger(mine)
  const answerTo = async (id: number): Promise<string | undefined> => {
    for (;;) {
      const message = await local.hear()
      if (message === undefined || message.id === id) return message?.body.type
    }
  }
  const welcome = await local.hello()
  t.is(welcome?.body.type, 'welcome')
  if (welcome?.body.type !== 'welcome') return
  await local.say({ type: 'ack', seq: welcome.body.position.seq }, 0)
  // What entering the register appends is over with this.
  await local.say({ type: 'ping' }, 6)
  t.is(await answerTo(6), 'pong')

  // A heartbeat is under way when the ping comes: its acknowledgement proves nothing of then.
  gate.isShut = true
  t.true(await eventually(async () => gate.waiting.length === 1))
  let answer: string | undefined
  const answered = answerTo(7).then((type) => (answer = type))
  await local.say({ type: 'ping' }, 7)
  await settled()
  gate.waiting.shift()!()
  t.true(await eventually(async () => gate.waiting.length === 1))
  await settled()
  t.is(answer, undefined, 'an append that began before the ping')
  gate.isShut = false
  gate.waiting.shift()!()
  await answered
  t.is(answer, 'pong')
})
