/** `join --with-data` with 300 values and with 2 GiB, killed -9 in the middle and finished. */
import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import type { ExecutionContext } from 'ava'
import { test } from '../serial.ts'
import type { UploadLine } from '../../src/daemon/api/api.ts'
import { Client } from '../../src/daemon/client/client.ts'
import { stateDirectory } from '../../src/daemon/config/state-directory.ts'
import { SILENT } from '../../src/log.ts'
import { openNode } from '../../src/node/open.ts'
import { Place, outcome } from '../cli/command.ts'
import { eventually } from '../eventually.ts'
import { Daemon } from './nodes.ts'
import { fill, named } from './join-data.ts'

const MIB = 1 << 20
const GIB = 1 << 30

interface Figures {
  readonly firstSeconds: number
  readonly secondSeconds: number
  /** Bytes of values sent before the kill, as the Local counted. */
  readonly firstBytes: number
  readonly done: UploadLine & { event: 'done' }
  /** Most resident memory of the second Local, in bytes. */
  readonly peakBytes: number
}

/** Uploads, kills the Local once it has sent `killAfter` bytes, and finishes. */
async function killedAndFinished(
  t: ExecutionContext,
  global: Daemon,
  place: Place,
  killAfter: number,
): Promise<Figures> {
  writeFileSync(place.file('ticket'), await global.invite(['--role', 'writer']))
  const { socket } = stateDirectory(place.state)
  const startedAt = performance.now()
  const command = place.start(['join', '--with-data', '@ticket'])
  command.stdin!.end()
  const ended = outcome(command)
  let firstBytes = 0
  let pid = 0
  await eventually(async () => {
    const client = await Client.connect(socket)
    if (client === undefined) return false
    const { daemon, traffic } = await client.status().finally(() => client.close())
    pid = daemon.pid
    firstBytes = traffic.reduce((sum, one) => sum + one.valueBytesOut, 0)
    return firstBytes >= killAfter
  }, 300_000)
  process.kill(pid, 'SIGKILL')
  const { exit, stderr } = await ended
  t.is(exit, 5, stderr)
  const killedAt = performance.now()
  const last = await place.run(['join', '--with-data', '--json'])
  t.is(last.exit, 0, last.stderr)
  const secondSeconds = (performance.now() - killedAt) / 1000
  const lines = last.stdout.toString().trimEnd().split('\n')
  const client = (await Client.connect(socket))!
  const status = await client.status().finally(() => client.close())
  const peak = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${status.daemon.pid}/status`, 'utf8'))
  return {
    firstSeconds: (killedAt - startedAt) / 1000,
    secondSeconds,
    firstBytes,
    done: JSON.parse(lines.at(-1)!) as UploadLine & { event: 'done' },
    peakBytes: Number(peak![1]) * 1024,
  }
}

if (process.platform === 'linux') {
  test('R007-150 300 values of up to 1 MiB, killed in the middle, are finished', async (t) => {
    t.timeout(600_000)
    const global = await Daemon.start(t, ['--global'])
    const place = new Place(t)
    const sizes = Array.from({ length: 300 }, (_, i) => (i % 3 === 0 ? MIB - i : 10 + 37 * i))
    await fill(place.state, named('many', sizes))
    const total = sizes.reduce((sum, size) => sum + size, 0)
    const figures = await killedAndFinished(t, global, place, total / 2)
    t.log(figures)
    t.like(figures.done, { values: 300, names: 300, missingValues: 0, missingNames: 0 })
    // All but what was in flight when it was killed.
    t.true(figures.done.sentBytes < total - figures.firstBytes + 8 * MIB)
    t.is((await place.run(['join', '--drop-data'])).exit, 0)
  })

  test('R007-150 R005-59 a value of 2 GiB, killed in the middle, is finished in bounded memory', async (t) => {
    t.timeout(1_500_000)
    const global = await Daemon.start(t, ['--global'])
    const place = new Place(t)
    await fill(place.state, [[Buffer.from('small'), 'small']])
    const options = { role: 'standalone', store: 'disk', cacheBytes: 0, log: SILENT } as const
    const node = await openNode({ ...options, dir: place.state })
    const piece = randomBytes(MIB)
    const bytes = async function* (): AsyncGenerator<Uint8Array> {
      for (let at = 0; at < 2048; at++) {
        piece.writeUInt32LE(at)
        yield piece
      }
    }
    await node.put({ bytes: bytes(), size: 2 * GIB }, { name: 'big' })
    await node.close()
    const figures = await killedAndFinished(t, global, place, GIB)
    t.log(figures)
    t.like(figures.done, { values: 2, names: 2, missingValues: 0, missingNames: 0 })
    // What Global had acknowledged is not sent again: at most what was in flight.
    t.true(figures.done.sentBytes < 2 * GIB - figures.firstBytes + 64 * MIB)
    t.true(figures.peakBytes < 400 * MIB)
    t.is((await place.run(['join', '--drop-data'])).exit, 0)
  })
}
