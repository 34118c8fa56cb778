/** What the members of a set say about themselves: small objects in the bucket. */
import type { Sleep } from '../../archive/interface.ts'
import type { ObjectStore } from '../../bucket/object-store.ts'
import { toHex } from '../../bytes.ts'
import { DstoreError, asDstoreError } from '../../errors.ts'
import {
  SET_ADDRESSES,
  SET_FORGET_MS,
  SET_MEMBERS,
  SET_NOTE_BYTES,
  SET_NOTE_MS,
  SET_SNAPSHOTS,
} from '../../limits.ts'
import type { Log } from '../../log.ts'
import { Heard } from './heard.ts'
import { MEMBER_STATES, type MemberNote, type MemberState } from './member-note.ts'
import { SameMember } from './same-member.ts'

const PREFIX = 'm/'
const KEY = /^m\/([0-9a-f]{16})$/
const STATES: ReadonlySet<string> = new Set(MEMBER_STATES)
/** Printable, without what a terminal or a page would take for more than text. */
const TEXT = /^[\w .:@/+-]{1,64}$/
const PROCESS = /^[0-9a-f]{16}$/
const PROCESS_BYTES = 8
const ADDRESS = /^\/[\w./:%-]{1,255}$/

/** Several changes in a moment make one note. */
const MOMENT_MS = 200
/** A member that is there replaces its note many times in this. */
const GONE_MS: number = 12 * SET_NOTE_MS
/** What was read this long ago is new enough for one who asks, and no one waits longer for more. */
const FRESH_MS = 1000
const FRESHEN_MS = 2000
/** Notes that are read in one round: more than members, since those that are gone leave theirs. */
const READ_NOTES: number = 4 * SET_MEMBERS

export interface NotingParts {
  readonly objects: Pick<ObjectStore, 'place' | 'put' | 'get' | 'list' | 'remove'>
  readonly id: string
  /** What this member says now; undefined: nothing yet. */
  readonly own: () => MemberNote | undefined
  readonly onRead?: () => void
  /** The note that this member wrote is not there: why, if the whole set is not. */
  readonly vanished: () => Promise<DstoreError | undefined>
  /** Another process runs as this member: this one must end. It says nothing more. */
  readonly onCopied: (why: DstoreError) => void
  readonly random: (length: number) => Uint8Array
  readonly wall: () => number
  readonly elapsed: () => number
  readonly sleep: Sleep
  readonly log: Log
}

/** Tells the others about this member, and reads what they say, until the signal. */
export class Noting {
  readonly #parts: NotingParts
  readonly #signal: AbortSignal
  #others: readonly MemberNote[] = []
  readonly #heard = new Heard()
  #wake: (() => void) | undefined
  /** Called when the round that begins next is over. */
  #waiting: (() => void)[] = []
  #readAt: number | undefined
  #fault: { readonly fault: DstoreError; readonly what: string; readonly since: number } | undefined
  readonly ended: Promise<void>

  constructor(parts: NotingParts, signal: AbortSignal) {
    this.#parts = parts
    this.#signal = signal
    this.ended = this.#run()
  }

  /** As they last said. */
  get others(): readonly MemberNote[] {
    return this.#others
  }

  /** Since that one said so, by the clocks of this process: those of others may be wrong. */
  agoMs(note: MemberNote): number {
    return this.#heard.agoMs(note, this.#parts.elapsed())
  }

  /** Why the bucket does not take notes now, and since when. */
  get fault(): { readonly fault: DstoreError; readonly since: number } | undefined {
    return this.#fault
  }

  /** This member has something else to say. */
  changed(): void {
    this.#wake?.()
  }

  /** Reads what the others say now, as far as the bucket answers soon. */
  async freshen(): Promise<void> {
    const { elapsed, sleep } = this.#parts
    if (this.#readAt !== undefined && elapsed() - this.#readAt < FRESH_MS) return
    const over = new AbortController()
    const read = new Promise<void>((resolve) => this.#waiting.push(resolve))
    this.changed()
    await Promise.race([read, sleep(FRESHEN_MS, AbortSignal.any([over.signal, this.#signal]))])
    over.abort()
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    const { objects, id, own, onRead, wall, elapsed, sleep } = this.#parts
    const { random, onCopied, vanished } = this.#parts
    const signal = this.#signal
    let isWritten = false
    let emptied: DstoreError | undefined
    const same = new SameMember(toHex(random(PROCESS_BYTES)))
    while (!signal.aborted) {
      const woken = new AbortController()
      this.#wake = () => woken.abort()
      const waiting = this.#waiting.splice(0)
      try {
        const { notes, hidden } = await readNotes(objects, wall(), signal)
        if (same.found(notes.find((note) => note.id === id))) {
          onCopied(copied(objects.place, id))
          return
        }
        const isThere = [...notes, ...hidden].some((note) => note.id === id)
        // Notes are written again: what was deleted beside them is not there again for that.
        const looks = emptied !== undefined || (isWritten && !isThere)
        emptied = looks ? await vanished() : undefined
        const said = own()
        if (said !== undefined) {
          await writeNote(objects, { ...said, ...same.said }, signal)
          isWritten = true
        }
        this.#heard.read([...notes, ...hidden], elapsed(), wall())
        this.#others = notes.filter((note) => note.id !== id)
        this.#readAt = elapsed()
        onRead?.()
        const gone = hidden.filter((note) => note.id !== id && this.#isGone(note))
        const keys = gone.map((note) => PREFIX + note.id)
        if (said !== undefined && keys.length > 0) await objects.remove(keys, signal)
        if (emptied === undefined) this.#fault = undefined
        else this.#failed(emptied, 'the objects of the set were deleted from the bucket')
      } catch (error) {
        if (signal.aborted) return
        this.#failed(asDstoreError(error), 'the bucket does not take the note of this member')
        const now = wall()
        this.#others = this.#others.filter(({ at }) => now - at < SET_FORGET_MS)
      }
      for (const resolve of waiting) resolve()
      await sleep(SET_NOTE_MS, AbortSignal.any([signal, woken.signal]))
      if (woken.signal.aborted) await sleep(MOMENT_MS, signal)
    }
  }

  /** No wall clock is compared: a wrong one would delete the notes of members that are there. */
  #isGone(note: MemberNote): boolean {
    return (this.#heard.unchangedMs(note, this.#parts.elapsed()) ?? 0) >= GONE_MS
  }

  #failed(fault: DstoreError, what: string): void {
    const { log, elapsed } = this.#parts
    const before = this.#fault
    if (before?.what !== what) log.warn(what, { message: fault.message })
    this.#fault = { fault, what, since: before?.since ?? elapsed() }
  }
}

const copied = (place: string, id: string): DstoreError =>
  new DstoreError(
    'conflict',
    `another process runs as this member: ${place} has its ${PREFIX}${id}`,
    {
      hint: 'its state directory was copied: empty one of the two, or delete its member-id and store, and start that member again',
    },
  )

/** Replaces what this member said before. */
export async function writeNote(
  objects: Pick<ObjectStore, 'put'>,
  note: MemberNote,
  signal?: AbortSignal,
): Promise<void> {
  const { id, ...said } = note
  const body = new TextEncoder().encode(`${JSON.stringify({ format: 1, ...said })}\n`)
  await objects.put(PREFIX + id, body, signal && { signal })
}

export interface NotesRead {
  /**
   * What the members said, the latest first; at most `SET_MEMBERS`, none of which is silent for
   * `SET_FORGET_MS`.
   */
  readonly notes: readonly MemberNote[]
  /** The others. */
  readonly hidden: readonly MemberNote[]
}

/** `wall`: now. What is no note is left out. */
export async function readNotes(
  objects: Pick<ObjectStore, 'get' | 'list'>,
  wall: number,
  signal?: AbortSignal,
): Promise<NotesRead> {
  const page = await objects.list(PREFIX, undefined, signal)
  const ids = page.objects.flatMap(({ key, size }) => {
    const id = KEY.exec(key)?.[1]
    return id === undefined || size > SET_NOTE_BYTES ? [] : [id]
  })
  const read: MemberNote[] = []
  for (const id of ids.slice(0, READ_NOTES)) {
    const range = { start: 0, end: SET_NOTE_BYTES + 1 }
    const bytes = await objects.get(PREFIX + id, { range, ...(signal && { signal }) })
    const note = bytes && noteIn(id, bytes)
    if (note !== undefined) read.push(note)
  }
  const latest = read.toSorted((a, b) => b.at - a.at)
  const isShown = ({ at }: MemberNote, i: number): boolean =>
    i < SET_MEMBERS && wall - at < SET_FORGET_MS
  const notes = latest.filter(isShown)
  return { notes, hidden: latest.filter((note) => !notes.includes(note)) }
}

/** Undefined for what no member wrote. */
export function noteIn(id: string, bytes: Uint8Array): MemberNote | undefined {
  if (bytes.byteLength > SET_NOTE_BYTES) return undefined
  let said: Partial<Record<string, unknown>>
  try {
    said = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as typeof said
  } catch {
    return undefined
  }
  if (typeof said !== 'object' || said === null || said['format'] !== 1) return undefined
  const { name, version, state, position, addresses, at } = said
  if (!isText(name) || !isText(version) || typeof state !== 'string' || !STATES.has(state)) {
    return undefined
  }
  if (!isCount(position) || !isCount(at) || !Array.isArray(addresses)) return undefined
  if (addresses.length > SET_ADDRESSES || !addresses.every(isAddress)) return undefined
  const { verified = [], parted = [], since, lag, epoch, process, before } = said
  if (![since, lag, epoch].every((one) => one === undefined || isCount(one))) return undefined
  if (!arePositions(verified) || !arePositions(parted)) return undefined
  const more = {
    ...(isCount(since) && { since }),
    ...(isCount(lag) && { lag }),
    ...(isCount(epoch) && { epoch }),
    ...(isProcess(process) && { process }),
    ...(isProcess(before) && { before }),
    ...(verified.length > 0 && { verified }),
    ...(parted.length > 0 && { parted }),
  }
  return { id, name, version, state: state as MemberState, position, addresses, at, ...more }
}

const isText = (value: unknown): value is string => typeof value === 'string' && TEXT.test(value)
const isProcess = (value: unknown): value is string =>
  typeof value === 'string' && PROCESS.test(value)
const isAddress = (value: unknown): value is string =>
  typeof value === 'string' && ADDRESS.test(value)
const arePositions = (value: unknown): value is number[] =>
  Array.isArray(value) && value.length <= SET_SNAPSHOTS && value.every(isCount)
const isCount = (value: unknown): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0
