/** A Global and a Local with a slow link between them, for bulk too. */
import { writeFileSync } from 'node:fs'
import type { ExecutionContext } from 'ava'
import { Key } from '../../src/hash/key.ts'
import { hash } from '../../src/hash/hasher.ts'
import type { Outcome } from '../cli/command.ts'
import { eventually } from '../eventually.ts'
import { network, type Daemon } from './nodes.ts'
import { Relay, SlowLink, portsAt } from './relay.ts'

let hosts = 0

/** An address of this machine that no other test uses. Every 127.x.y.z is one on Linux. */
function ownHost(): string {
  hosts++
  return `127.${64 + ((process.pid >> 8) & 127)}.${process.pid & 255}.${10 + hosts}`
}

export interface Relayed {
  readonly global: Daemon
  readonly local: Daemon
  readonly relays: readonly Relay[]
}

export interface Slow extends Relayed {
  readonly link: SlowLink
}

/**
 * A Local that reaches Global by relays only. With `lanes`, their port is relayed too; else only
 * that of libp2p, and a lane finds nothing at the host of the relay, so that transfers use streams.
 */
export async function relayed(
  t: ExecutionContext,
  lanes: boolean,
  link?: SlowLink,
): Promise<Relayed> {
  const [far, near] = [ownHost(), ownHost()]
  const relays: Relay[] = []
  const route = async (address: string): Promise<string> => {
    const main = await Relay.before(t, address, {
      at: { host: near, port: 0 },
      ...(link && { link }),
    })
    relays.push(main)
    if (!lanes) return main.address
    for (const port of portsAt(far)) {
      if (address.includes(`/tcp/${port}/`)) continue
      const at = { host: near, port }
      relays.push(await Relay.before(t, `/ip4/${far}/tcp/${port}`, { at, ...(link && { link }) }))
    }
    return main.address
  }
  const listen = ['--listen', `/ip4/${far}/tcp/0`]
  const { global, locals } = await network(t, 1, { global: listen, route })
  const local = locals[0]!
  t.is(relays.length, lanes ? 2 : 1)
  t.true(await eventually(async (saw) => saw((await local.status()).global)?.state === 'connected'))
  return { global, local, relays }
}

export async function slowLink(
  t: ExecutionContext,
  { bytesPerSecond, lanes }: { bytesPerSecond: number; lanes: boolean },
): Promise<Slow> {
  const link = new SlowLink(t, bytesPerSecond)
  return { ...(await relayed(t, lanes, link)), link }
}

/** Puts as many different values at once, every second one from standard input. */
export async function putAtOnce(
  t: ExecutionContext,
  { global, local, link }: Slow,
  count: number,
  size: number,
  flags: readonly string[],
): Promise<void> {
  const values = different(t, count, size)
  const begin = performance.now()
  const put = (value: Buffer, i: number): Promise<Outcome> => {
    if (i % 2 === 1) return local.run(['put', '-', ...flags], value)
    const file = local.place.file(`value-${i}`)
    writeFileSync(file, value)
    return local.run(['put', file, ...flags])
  }
  const outcomes = await Promise.all(values.map(put))
  const seconds = ((performance.now() - begin) / 1000).toFixed(1)
  t.log(`${count} of ${size} bytes in ${seconds} s; ${link.carriedBytes.up} bytes went up`)
  t.deepEqual(
    outcomes.map(({ exit, stderr }) => `${exit}${stderr}`),
    values.map(() => '0'),
  )
  t.true(link.carriedBytes.up > count * size, 'all of it took the slow link')
  for (const [i, value] of values.entries()) {
    const key = new Key(hash(value).digest).toString()
    t.is(outcomes[i]!.stdout.toString().trim(), key)
    t.truthy(await global.ask((client) => client.facts(key)))
  }
}

const different = (t: ExecutionContext, count: number, size: number): Buffer[] =>
  Array.from({ length: count }, (_, i) => Buffer.alloc(size, `${t.title} ${i}`))
