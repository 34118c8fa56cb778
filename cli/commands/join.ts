/** `dstore join`: become a Local; upload or delete the store of an earlier role (R007-146). */
import { DstoreError, ERRORS, asDstoreError } from '../../src/errors.ts'
import type { UploadLine } from '../../src/daemon/api/api.ts'
import type { Client } from '../../src/daemon/client/client.ts'
import { formatContents, formatSize } from '../../src/daemon/config/quantities.ts'
import { readSettings } from '../../src/daemon/config/settings.ts'
import type { Role } from '../../src/node/node-status.ts'
import type { Invocation } from '../command.ts'
import type { Destination } from '../input/ticket-input.ts'
import { readDestination } from '../input/ticket-input.ts'
import { nodeParameters } from '../node-flags.ts'
import { findDaemon, place, requireDaemon, startDaemon } from '../session.ts'
import type { ProgressLine } from '../terminal/progress.ts'
import { plural, type Terminal } from '../terminal/terminal.ts'
import { alreadyRunning, announce, checkSame, start } from './background.ts'

type Done = UploadLine & { event: 'done' }

const CONTINUE = '`dstore join --with-data` continues'

/** The interval of progress lines where stderr is no terminal. */
const LINE_EVERY_MS = 10_000

export async function join(invocation: Invocation): Promise<number> {
  const { flags, positionals, terminal, signal } = invocation
  const [source] = positionals
  const { 'with-data': takes, 'without-data': leaves, 'drop-data': drops, force } = flags
  if ([takes, leaves, drops].filter(Boolean).length > 1) {
    throw new DstoreError('usage', 'join takes one of --with-data, --without-data and --drop-data')
  }
  if (force === true && drops !== true) {
    throw new DstoreError('usage', 'join takes --force only with --drop-data')
  }
  if (drops === true && source !== undefined) {
    throw new DstoreError('usage', 'join --drop-data takes no ticket')
  }
  if (takes !== true && drops !== true && !(leaves === true && source === undefined)) {
    return start({ ...invocation, flags: { ...flags, join: source ?? '-' } })
  }
  const running = await findDaemon(invocation)
  const found = await running?.status()
  if (found !== undefined && found.role !== 'local') throw alreadyRunning({ join: '-' }, found)
  const isLocal = found !== undefined || savedRole(invocation) === 'local'
  if (drops === true && !isLocal) throw new DstoreError('usage', 'this directory is no Local')
  const needsNone = isLocal && source === undefined
  const to = needsNone ? undefined : await readDestination(source ?? '-', terminal, signal)
  if (found === undefined) await startLocal(invocation, to)
  else checkSame(invocation, found, to)
  const client = running ?? (await requireDaemon(invocation))
  if (drops === true) return drop(client, invocation)
  if (takes !== true) {
    await announce(found ?? (await client.status()), terminal)
    return 0
  }
  const upload = new StoreUpload(client, terminal)
  try {
    return await upload.run()
  } catch (error) {
    throw upload.explain(error)
  }
}

const savedRole = ({ flags }: Invocation): Role | undefined =>
  readSettings(place(flags).directory.config).role

/** Starts a Local, which leaves the store as it is at first. */
async function startLocal(invocation: Invocation, to: Destination | undefined): Promise<void> {
  const join = to === undefined ? {} : { join: '-' }
  const flags = { ...invocation.flags, 'without-data': true, ...join }
  await startDaemon(invocation, nodeParameters(flags), to?.text)
}

/** An upload of the inactive store by the Local, as the user sees it. */
class StoreUpload {
  readonly #client: Client
  readonly #terminal: Terminal
  /** The last event of progress. */
  #state: (UploadLine & { event: 'progress' }) | undefined

  constructor(client: Client, terminal: Terminal) {
    this.#client = client
    this.#terminal = terminal
  }

  async run(): Promise<number> {
    const terminal = this.#terminal
    const found = await this.#client.status()
    await announce(found, terminal)
    if (found.inactiveStore === undefined) {
      terminal.note('this directory has no store with values to upload')
      return 0
    }
    return summarize(await this.#upload(), terminal)
  }

  /** The failure, with how far the upload came and what to do. */
  explain(error: unknown): DstoreError {
    const fault = asDstoreError(error)
    const { code, message, hint } = fault
    const { phase, values = 0, totalValues = 0 } = this.#state ?? {}
    const far = `at Global so far: ${values} of ${plural(totalValues, 'value')}`
    const isKnown = phase === 'upload'
    if (code === 'cancelled') {
      this.#terminal.note(`stopped; ${isKnown ? `${far}; ` : ''}${CONTINUE}`)
      return fault
    }
    const what = isKnown ? `${message} (${far})` : message
    const advice = HINTS.get(code) ?? hint
    return new DstoreError(code, what, { cause: fault, ...(advice && { hint: advice }) })
  }

  async #upload(): Promise<Done> {
    let done: Done | undefined
    await this.#terminal.withProgress('upload', async (line) => {
      const lines = new PlainProgress(line, this.#terminal)
      for await (const one of this.#client.uploadInactive()) {
        if (one.event === 'progress') lines.update((this.#state = one), line)
        else if (one.event === 'done') done = one
        else await tell(one, this.#terminal)
      }
    })
    return done!
  }
}

/** Names a value or a name that cannot be taken along. */
async function tell(
  line: UploadLine & { event: 'damaged' | 'refused' },
  terminal: Terminal,
): Promise<void> {
  if (line.event === 'refused') {
    await terminal.printFact(line, `${line.name} not bound: ${line.reason}`)
  } else await terminal.printFact(line, `${line.key} damaged, not taken along`)
}

async function summarize(done: Done, terminal: Terminal): Promise<number> {
  const { values, valueBytes, names, sentValues, sentBytes } = done
  const { missingValues, missingNames } = done
  if (terminal.json) await terminal.print(JSON.stringify(done))
  const what =
    `${share(values, missingValues, 'value')} (${formatSize(valueBytes)}), ` +
    share(names, missingNames, 'name')
  const before = Math.max(0, values - sentValues)
  const how = `${sentValues} sent (${formatSize(sentBytes)}), ${before} there before`
  terminal.note(`verified at Global: ${what}; ${how}`)
  if (missingValues === 0 && missingNames === 0) {
    terminal.note('the old copy is still in this directory; `dstore join --drop-data` deletes it')
    return 0
  }
  const missing = `${plural(missingValues, 'value')} and ${plural(missingNames, 'name')}`
  terminal.note(
    `NOT at Global: ${missing}, kept in the old copy; ` +
      '`dstore join --drop-data --force` deletes it all the same',
  )
  return ERRORS.partial.exit
}

/** `3 values`, or `2 of 3 values` if some are missing. */
function share(found: number, missing: number, noun: string): string {
  return missing === 0 ? plural(found, noun) : `${found} of ${plural(found + missing, noun)}`
}

async function drop(client: Client, { flags, terminal }: Invocation): Promise<number> {
  if ((await client.status()).inactiveStore === undefined) {
    terminal.note('this directory has no old copy')
    return 0
  }
  const dropped = await client.dropInactive(flags.force === true)
  if (terminal.json) await terminal.print(JSON.stringify({ event: 'dropped', ...dropped }))
  terminal.note(`deleted the old copy: ${formatContents(dropped)}`)
  return 0
}

const HINTS: ReadonlyMap<string, string> = new Map([
  [
    'not-permitted',
    'an admin makes this node a writer with `dstore members add PEERID --role writer`; ' +
      `then ${CONTINUE}`,
  ],
  ['no-space', `when Global has room again, ${CONTINUE}`],
  ['unreachable', CONTINUE],
  ['timeout', CONTINUE],
])

/** Progress on a terminal's line, or as plain lines where stderr is none. */
class PlainProgress {
  readonly #terminal: Terminal
  readonly #isPlain: boolean
  readonly #startedAt = performance.now()
  #printedAt = performance.now()

  constructor(line: ProgressLine, terminal: Terminal) {
    this.#terminal = terminal
    this.#isPlain = !line.isShown && !terminal.json
  }

  update(state: UploadLine & { event: 'progress' }, line: ProgressLine): void {
    const { phase, values, totalValues, doneBytes, totalBytes } = state
    const counts = `${values} of ${plural(totalValues, 'value')}`
    line.peers = phase === 'verify' ? `verifying, ${counts}` : counts
    line.update(doneBytes, totalBytes)
    const now = performance.now()
    if (!this.#isPlain || now - this.#printedAt < LINE_EVERY_MS) return
    this.#printedAt = now
    const percent = totalBytes === 0 ? 100 : Math.floor((100 * doneBytes) / totalBytes)
    const rate = formatSize(Math.round((1000 * doneBytes) / (now - this.#startedAt)))
    const sizes = `${formatSize(doneBytes)} of ${formatSize(totalBytes)}`
    this.#terminal.note(`${phase}: ${counts}, ${sizes}, ${percent}%, ${rate}/s`)
  }
}
