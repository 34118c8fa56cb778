/** Names: tags that move. */
import { randomBytes } from 'node:crypto'
import { Client } from '../../../src/daemon/client/client.ts'
import { once } from '../../../src/bytes.ts'
import type { Bench, Daemon } from '../bench.ts'
import type { Contestant, Row } from '../model.ts'

/** Moves or bindings of a turn, one after another: each is durable before the next. */
const CALLS = 200

interface Named {
  readonly daemon: Daemon
  readonly client: Client
  /** A key without names, and another. */
  readonly keys: readonly [string, string]
}

function named(bench: Bench): Promise<Named> {
  return bench.shared('names', async () => {
    const daemon = await bench.daemon(['--standalone'])
    const client = (await Client.connect(daemon.socket))!
    bench.onClose(() => client.close())
    const put = async (): Promise<string> => (await client.putBytes(once(randomBytes(1000)))).key
    return { daemon, client, keys: [await put(), await put()] }
  })
}

/** One turn of calls, each with a number of its own. */
function calls(
  { daemon }: Named,
  name: string,
  part: Contestant['part'],
  call: (at: number) => Promise<unknown>,
): Contestant {
  let at = 0
  return {
    name,
    part,
    run: async () => {
      for (let i = 0; i < CALLS; i++) await call(at++)
    },
    daemons: () => [daemon.pid],
  }
}

const moveTag: Row = {
  id: 'move-tag',
  title: `a tag moved ${CALLS} times, durable, over HTTP`,
  measure: 'seconds',
  bar: { limit: 1.5 },
  open: async (bench) => {
    const all = await named(bench)
    const { client, keys } = all
    await client.tags.move('bench/tag', keys[0])
    return [
      calls(all, 'moves', 'dstore', (at) => client.tags.move('bench/tag', keys[(at + 1) % 2]!)),
      calls(all, 'bindings of fixed names', 'floor', (at) =>
        client.bind(`bench/fixed/${at}`, keys[0]),
      ),
    ]
  },
}

export const NAME_ROWS: readonly Row[] = [moveTag]
