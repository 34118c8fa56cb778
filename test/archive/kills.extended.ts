/** Machine and directory are lost together, again and again; another one takes over. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { STUB_CREDENTIALS, startS3Stub } from '../bucket/s3-stub.ts'
import { test } from '../serial.ts'
import { inTemporary } from '../store/temporary.ts'

const KILLS = Number(process.env['DSTORE_KILLS'] ?? 5)
/** The clocks of the nodes go faster, so that a take-over waits less. */
const SPEED = 20
/** Puts of a process at a time. */
const WORKERS = 4

/** What the killed processes told. */
interface Told {
  /** In the order of their answers, of the last process. */
  readonly answered: string[]
  /** Found after a take-over: they must never be missing again. */
  readonly kept: Set<string>
  readonly begun: Set<string>
  /** Entries that the bucket lacked, as the last process told it last. */
  lag: number
  missing: number
  total: number
}

async function lifeAndDeath(args: readonly string[], told: Told, isLossy: boolean): Promise<void> {
  const path = fileURLToPath(new URL('processes/archived-process.js', import.meta.url))
  const child = spawn(process.execPath, [path, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...STUB_CREDENTIALS },
  })
  const closed = new Promise<NodeJS.Signals | null>((resolve) => {
    child.on('close', (_code, signal) => resolve(signal))
  })
  const has = new Set<string>()
  let lag = 0
  const answered: string[] = []
  for await (const line of createInterface({ input: child.stdout })) {
    const [word, id, entries] = line.split(' ') as [string, string, string]
    if (word === 'has') has.add(id)
    else if (word === 'put') told.begun.add(id)
    else if (word === 'lag') lag = Number(id)
    else if (word === 'ready') {
      assert.equal(id, '0')
      checkHas(has, told, isLossy)
      setTimeout(() => child.kill('SIGKILL'), 300 + Math.random() * 1500).unref()
    } else {
      answered.push(id)
      lag = Number(entries)
    }
  }
  assert.equal(await closed, 'SIGKILL', 'it was killed, it did not fail')
  told.lag = lag
  told.answered.splice(0, Infinity, ...answered)
  told.total += answered.length
}

/** What was acknowledged is there; without `--archive-ack` but for the last ones. */
function checkHas(has: Set<string>, told: Told, isLossy: boolean): void {
  for (const id of told.kept) assert.ok(has.has(id), `${id} was there, and is not`)
  const missing = told.answered.filter((id) => !has.has(id))
  told.missing += missing.length
  if (!isLossy) assert.deepEqual(missing, [])
  // An entry has at most one put of each worker.
  assert.ok(missing.length <= WORKERS * (told.lag + 1), `${missing.length} missing, ${told.lag}`)
  for (const id of has) {
    assert.ok(told.begun.has(id), `${id} was never put`)
    told.kept.add(id)
  }
}

for (const mode of ['ack', 'lag']) {
  test(`R011-61, R011-73 ${KILLS} kills of machine and directory together, ${mode}`, async (t) => {
    const stub = await startS3Stub()
    const told: Told = {
      answered: [],
      kept: new Set(),
      begun: new Set(),
      lag: 0,
      missing: 0,
      total: 0,
    }
    try {
      await inTemporary(async (root) => {
        for (let run = 0; run <= KILLS; run++) {
          const directory = join(root, `${run}`)
          const args = [stub.endpoint, 's3://bucket/archive', directory, `${run}`, mode, `${SPEED}`]
          await lifeAndDeath(args, told, mode === 'lag')
        }
      })
      t.log({ acknowledged: told.total, missing: told.missing, kept: told.kept.size })
      t.true(told.total > 5 * KILLS)
      t.true(told.kept.size > 10)
    } finally {
      await stub.close()
    }
  })
}
