/**
 * Tells all readers of `GET /v1/events` what has changed (specs/013-page.md, R013-20 and later).
 * The node is asked once for all of them, and only while there is one. A reader that does not take
 * what it was sent misses updates, and gets everything once it does: so memory is bounded by the
 * readers and the size of one document.
 */
import { DstoreError } from '../../../errors.ts'
import { EVENT_MS, EVENT_READERS, SAMPLE_MS } from '../../../limits.ts'
import type { NodeActivity } from '../../../node/activity/node-activity.ts'
import type { StatusAnswer } from '../../api/api.ts'
import type { EventUpdate } from '../../api/events.ts'
import type { Sampler } from '../statistics/sampler.ts'
import { MemberChanges } from './member-changes.ts'

export interface EventFeedOptions {
  readonly status: () => Promise<StatusAnswer>
  readonly samples: Sampler
  /** Undefined while the node does nothing, as a member of a set that stands by. */
  readonly activity: () => NodeActivity | undefined
  /** Monotonic milliseconds. */
  readonly now: () => number
  /** Calls `tick` again and again until the function that it returns is called. */
  readonly every?: (ms: number, tick: () => void) => () => void
}

/** One client that reads events. */
export interface EventReader {
  /** May it list members? */
  readonly seesMembers: boolean
  /** Has it not taken what it was sent before? */
  isBehind(): boolean
  send(event: Buffer): void
}

/** Memory and room change with every breath: less than this is not worth a document. */
const STEP_BYTES = 2 ** 24

type Section = keyof EventUpdate

export class EventFeed {
  readonly #options: Required<EventFeedOptions>
  /** Each reader, and whether it has missed an update. */
  readonly #readers = new Map<EventReader, { missed: boolean }>()
  readonly #members = new MemberChanges()
  /** The last text of each section; those without one do not exist here. */
  readonly #texts = new Map<Section, string>()
  #statusText: string | undefined
  /** The samples that have been told. */
  #told = 0
  #fullAt = -Infinity
  #isTicking = false
  #stop: (() => void) | undefined
  /** The whole state as an event, for readers with and without members, while nothing changes. */
  #whole: [without?: Buffer, withMembers?: Buffer] = []

  constructor(options: EventFeedOptions) {
    this.#options = { every: intervals, ...options }
  }

  /** Sends everything to the reader, and then what changes. The returned function ends that. */
  async join(reader: EventReader): Promise<() => void> {
    if (this.#readers.size >= EVENT_READERS) {
      throw new DstoreError('busy', `${EVENT_READERS} clients read events already`)
    }
    // Taken before the wait, so that no more than that many get in.
    const state = { missed: true }
    this.#readers.set(reader, state)
    const leave = (): void => {
      this.#readers.delete(reader)
      if (this.#readers.size > 0) return
      this.#stop?.()
      this.#stop = undefined
    }
    try {
      if (this.#stop === undefined) {
        // What the node cannot answer now, as while it closes, the next look asks again.
        const look = (): void => void this.tick().catch(() => undefined)
        this.#stop = this.#options.every(EVENT_MS, look)
        await this.tick(true)
      } else if (this.#texts.size > 0 && state.missed) {
        state.missed = false
        reader.send(this.#wholeFor(reader))
      }
    } catch (error) {
      leave()
      throw error
    }
    return leave
  }

  /** Looks for changes: for urgent ones always, for others once in `SAMPLE_MS`. */
  async tick(
    isFull: boolean = this.#options.now() - this.#fullAt > SAMPLE_MS - EVENT_MS / 2,
  ): Promise<void> {
    if (this.#isTicking) return
    const activity = this.#options.activity()
    if (!isFull && activity?.isBusy !== true) return
    this.#isTicking = true
    try {
      if (isFull) this.#fullAt = this.#options.now()
      const status = isFull ? await this.#options.status() : undefined
      // No wait from here on: what readers were sent, and what is kept, stay the same.
      this.#tell(activity, status)
    } finally {
      this.#isTicking = false
    }
  }

  #tell(activity: NodeActivity | undefined, status: StatusAnswer | undefined): void {
    const changed = new Map<Section, string>()
    const set = (section: Section, document: unknown): void => {
      const text = JSON.stringify(document)
      if (this.#texts.get(section) === text) return
      this.#texts.set(section, text)
      changed.set(section, text)
    }
    if (status !== undefined) {
      const compared = comparable(status)
      if (compared !== this.#statusText) set('status', status)
      this.#statusText = compared
      const samples = this.#options.samples.since(this.#told)
      this.#told = this.#options.samples.taken
      if (samples.length > 0) changed.set('rates', ratesOf(samples))
      const members = this.#members.update(activity?.members?.())
      if (members !== undefined) changed.set('members', JSON.stringify(members))
    }
    set('transfers', activity?.transfers() ?? { active: 0, transfers: [] })
    const removals = activity?.removals?.()
    if (removals !== undefined || this.#texts.has('removals')) {
      set('removals', { removals: removals ?? [] })
    }
    if (changed.size > 0) this.#whole = []
    this.#send(changed)
  }

  #send(changed: ReadonlyMap<Section, string>): void {
    const updates: [Buffer | undefined, Buffer | undefined] = [undefined, undefined]
    for (const [reader, state] of this.#readers) {
      if (reader.isBehind()) {
        state.missed ||= changed.size > 0
        continue
      }
      if (state.missed) {
        state.missed = false
        reader.send(this.#wholeFor(reader))
        continue
      }
      const which = Number(reader.seesMembers)
      const isEmpty = changed.size === Number(!reader.seesMembers && changed.has('members'))
      if (!isEmpty) reader.send((updates[which] ??= eventOf(changed, reader.seesMembers)))
    }
  }

  #wholeFor({ seesMembers }: EventReader): Buffer {
    const which = Number(seesMembers)
    const { samples } = this.#options
    const all = samples.since(0)
    // Those that are not told yet are new to this reader as well.
    const told = all.slice(0, Math.max(0, all.length - (samples.taken - this.#told)))
    const sections = new Map(this.#texts).set('rates', ratesOf(told))
    const members = seesMembers ? this.#members.all : undefined
    if (members !== undefined) sections.set('members', JSON.stringify(members))
    return (this.#whole[which] ??= eventOf(sections, seesMembers))
  }
}

/** What is compared: without what changes all the time, and tells nothing. */
const comparable = (status: StatusAnswer): string =>
  JSON.stringify(status, (name, value: unknown) => {
    if (name === 'leftMs') return undefined
    const isSteady = name !== 'residentBytes' && name !== 'headroomBytes'
    return isSteady || typeof value !== 'number' ? value : Math.round(value / STEP_BYTES)
  })

const ratesOf = (samples: unknown): string => JSON.stringify({ intervalMs: SAMPLE_MS, samples })

function eventOf(sections: ReadonlyMap<Section, string>, seesMembers: boolean): Buffer {
  const parts = [...sections].filter(([section]) => seesMembers || section !== 'members')
  const text = parts.map(([section, json]) => `"${section}":${json}`).join(',')
  return Buffer.from(`event: update\ndata: {${text}}\n\n`)
}

function intervals(ms: number, tick: () => void): () => void {
  const timer = setInterval(tick, ms).unref()
  return () => clearInterval(timer)
}
