import { DstoreError } from '../../../src/errors.ts'
import type { Request } from '../../../src/index/message.ts'
import { BATCH_ITEMS } from '../../../src/limits.ts'
import type { Ask } from '../../../src/node/calls/index-calls.ts'
import { UseReports } from '../../../src/node/calls/names/use-reports.ts'
import { eventually } from '../../eventually.ts'
import { test } from '../../serial.ts'

const global = (...codes: ('unreachable' | 'incompatible')[]) => globalThat(false, ...codes)

/** Records the names of each report; the first ones fail with these codes. */
function globalThat(wantsKeys: boolean, ...codes: ('unreachable' | 'incompatible')[]) {
  const reports: (readonly string[])[] = []
  const keys: number[] = []
  const ask = (async (request: Request) => {
    if (request.type !== 'report-use') throw new Error(request.type)
    const code = codes.shift()
    if (code !== undefined) throw new DstoreError(code, code)
    reports.push(request.names)
    keys.push(request.digests.length)
    return { type: 'accepted', keys: wantsKeys }
  }) as unknown as Ask
  return { ask, reports, keys }
}

test('R004-151: names are reported in batches, each once in a while', async (t) => {
  const { ask, reports } = global()
  const uses = new UseReports({ ask, everyMs: 20 })
  for (let i = 0; i < BATCH_ITEMS + 1; i++) uses.used(`${i}`)
  uses.used('0')
  await eventually(() => reports.length === 2)
  t.deepEqual(
    reports.map((names) => names.length),
    [BATCH_ITEMS, 1],
  )
  uses.used('again')
  await uses.close()
  uses.used('too late')
  t.deepEqual(reports.at(-1), ['again'])
  t.is(reports.length, 3)
})

test('R004-151: what Global does not hear is reported later, and not to an earlier Global', async (t) => {
  const away = global('unreachable')
  const uses = new UseReports({ ask: away.ask, everyMs: 10 })
  uses.used('a')
  await eventually(() => away.reports.length === 1)
  t.deepEqual(away.reports, [['a']])
  await uses.close()
  const earlier = global('incompatible')
  const others = new UseReports({ ask: earlier.ask, everyMs: 10 })
  others.used('a')
  await others.close()
  t.deepEqual(earlier.reports, [])
})

test('R004-153: keys are reported only while Global wants them', async (t) => {
  for (const wanted of [true, false]) {
    const { ask, keys } = globalThat(wanted)
    const uses = new UseReports({ ask, everyMs: 10 })
    uses.usedKey(new Uint8Array(32))
    await eventually(() => keys.length === 1)
    uses.usedKey(new Uint8Array(32).fill(1))
    await uses.close()
    t.deepEqual(keys, wanted ? [1, 1] : [1])
  }
})
