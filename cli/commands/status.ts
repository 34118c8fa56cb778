/** `status`: what a node is and does, once or as it changes. */
import { setTimeout as sleep } from 'node:timers/promises'
import { DstoreError } from '../../src/errors.ts'
import type { StatusAnswer } from '../../src/daemon/api/api.ts'
import type { Sample } from '../../src/daemon/api/events.ts'
import type { Client } from '../../src/daemon/client/client.ts'
import { SAMPLES } from '../../src/limits.ts'
import type { Invocation } from '../command.ts'
import { requireDaemon } from '../session.ts'
import { memberNames } from '../terminal/member-names.ts'
import { ratesText, screenText, showsUtf8 } from '../terminal/rates-text.ts'
import { statusText } from '../terminal/status-text.ts'

/** How often `status --watch` asks a daemon that tells no events. */
const REFRESH_MS = 1000

export async function status(invocation: Invocation): Promise<number> {
  const { flags, terminal } = invocation
  const client = await requireDaemon(invocation)
  if (flags.watch !== true) {
    const found = await client.status()
    await terminal.printFact(found, await textOf(client, found, invocation))
    return 0
  }
  for await (const { found, samples } of looks(client, invocation)) {
    const rates = ratesText(samples, lineSpace(terminal.columns))
    const text = await textOf(client, found, invocation)
    await terminal.clearScreen()
    await terminal.printFact(found, screenText(text, rates, terminal))
  }
  return 0
}

async function textOf(
  client: Client,
  found: StatusAnswer,
  { flags, terminal }: Invocation,
): Promise<string> {
  const away = found.registered.filter(({ connected }) => !connected).map(({ peer }) => peer)
  const traffic = found.role === 'global' ? found.traffic.map(({ peer }) => peer) : []
  const named = terminal.json ? [] : [...away, ...traffic]
  const { verbose, now } = terminal
  return statusText(found, await memberNames(client, named, flags.verbose), { verbose, now })
}

/** What there is to show, once a second. */
interface Look {
  readonly found: StatusAnswer
  /** Those of the last ten minutes; none of a daemon that takes none. */
  readonly samples: readonly Sample[]
}

async function* looks(client: Client, { signal }: Invocation): AsyncGenerator<Look> {
  try {
    let found: StatusAnswer | undefined
    let samples: readonly Sample[] = []
    for await (const { status = found, rates } of client.events.updates()) {
      found = status
      // A sample is new each second; what comes between only changes what the next look shows.
      if (found === undefined || rates === undefined) continue
      samples = [...samples, ...rates.samples].slice(-SAMPLES)
      yield { found, samples }
    }
  } catch (error) {
    // Rethrow the reason of the signal: it decides the exit code.
    signal.throwIfAborted()
    if (!(error instanceof DstoreError) || error.code !== 'incompatible') throw error
  }
  for (;;) {
    yield { found: await client.status(), samples: [] }
    await sleep(REFRESH_MS, undefined, { signal }).catch(() => signal.throwIfAborted())
  }
}

const lineSpace = (columns: number | undefined): Parameters<typeof ratesText>[1] =>
  columns === undefined ? undefined : { columns, isUtf8: showsUtf8(process.env) }
