/**
 * Decides what is sent to Global next while the values and names of an inactive store are uploaded
 * (specs/007, R007-149). A state machine without I/O: the caller reads the store, carries out the
 * steps, and reports their outcomes, in any order.
 */
import { IDLE_TRANSFER_CHANNELS, INLINE_VALUE_BYTES } from '../../limits.ts'
import type { NameRecord } from '../../index/records/name-record.ts'
import type { Location } from '../../store/store.ts'

/** Steps in progress at a time: small values and names fill one message together. */
const STEPS_AT_ONCE = 64
/** Values in progress at a time that no message holds: as many as channels are kept for reuse. */
const LARGE_AT_ONCE = IDLE_TRANSFER_CHANNELS

/** A value of the store. */
export interface StoredEntry {
  readonly digest: Uint8Array
  readonly size: number
  readonly location: Location
  readonly names: readonly string[]
  /** Of its names, those that are tags or expire. */
  readonly bindings?: ReadonlyMap<string, Pick<NameRecord, 'tag' | 'expiresMs'>>
  /** It was put without a name, so it outlives its names. */
  readonly unnamed: boolean
}

/** What to do next. */
export type Step =
  /** Send a value. `name` is bound in the same change. */
  | { readonly type: 'put'; readonly entry: StoredEntry; readonly name: string | undefined }
  /** Global has the value: put it again without a name, and without its bytes. */
  | { readonly type: 'offer'; readonly entry: StoredEntry }
  | { readonly type: 'bind'; readonly entry: StoredEntry; readonly name: string }

export type Outcome =
  /** Global has the value now, or, if `existed`, had it before. */
  | { readonly type: 'stored'; readonly existed: boolean }
  | { readonly type: 'bound' }
  /** The name cannot be bound: Global refuses it, or has it bound to another key. */
  | { readonly type: 'refused-name' }
  /** Global has the value no longer. */
  | { readonly type: 'gone' }
  /** The store cannot give the value. */
  | { readonly type: 'damaged' }

/** What has been done so far. */
export interface UploadCounts {
  /** Values that are at Global, whatever became of their names. */
  readonly values: number
  readonly valueBytes: number
  /** Of these, the ones that Global did not have before. */
  readonly sentValues: number
  /** Values that the store cannot give. */
  readonly damaged: number
  readonly names: number
  readonly refusedNames: number
}

/** A value on its way. */
interface Progress {
  readonly entry: StoredEntry
  /** Names that are not bound yet. */
  readonly names: string[]
  /** What it waits for before its next step: `undefined` while a step is in progress. */
  next: 'put' | 'offer' | 'bind' | undefined
  isCounted: boolean
  /** It was sent again because Global had removed it: at most once. */
  wasGone: boolean
}

export class UploadPlan {
  readonly #waiting: Progress[] = []
  readonly #running = new Map<Step, Progress>()
  #large = 0
  #counts: UploadCounts = {
    values: 0,
    valueBytes: 0,
    sentValues: 0,
    damaged: 0,
    names: 0,
    refusedNames: 0,
  }

  get counts(): UploadCounts {
    return this.#counts
  }

  /** Can more entries be added? Bounds what is held of the store. */
  get hasRoom(): boolean {
    return this.#waiting.length < STEPS_AT_ONCE
  }

  /** Is everything that was added done? */
  get isDone(): boolean {
    return this.#waiting.length === 0 && this.#running.size === 0
  }

  /** Adds values of the store; `known` says of each whether Global has it. */
  add(entries: readonly StoredEntry[], known: readonly boolean[]): void {
    for (const [index, entry] of entries.entries()) {
      const next = known[index] !== true ? 'put' : entry.unnamed ? 'offer' : 'bind'
      const one: Progress = {
        entry,
        names: [...entry.names],
        next,
        isCounted: false,
        wasGone: false,
      }
      if (next === 'bind') this.#stored(one, true)
      this.#continue(one)
    }
  }

  /** The next step, to be carried out at once; undefined if none may begin now. */
  next(): Step | undefined {
    if (this.#running.size >= STEPS_AT_ONCE) return undefined
    const at = this.#waiting.findIndex((one) => this.#large < LARGE_AT_ONCE || !isLargeStep(one))
    if (at === -1) return undefined
    const [one] = this.#waiting.splice(at, 1)
    if (isLargeStep(one!)) this.#large++
    const step = stepOf(one!)
    one!.next = undefined
    this.#running.set(step, one!)
    return step
  }

  settle(step: Step, outcome: Outcome): void {
    const one = this.#running.get(step)
    if (one === undefined) throw new RangeError('the step is not in progress')
    this.#running.delete(step)
    if (step.type === 'put' && one.entry.size > INLINE_VALUE_BYTES) this.#large--
    switch (outcome.type) {
      case 'stored':
        if (step.type === 'put' && step.name !== undefined) this.#bound(one, step.name)
        this.#stored(one, outcome.existed)
        one.next = 'bind'
        break
      case 'bound':
        if (step.type === 'bind') this.#bound(one, step.name)
        one.next = 'bind'
        break
      case 'refused-name':
        if (step.type !== 'offer' && step.name !== undefined) this.#refused(one, step.name)
        // The value is sent with its next name, or without one.
        one.next = step.type === 'put' ? 'put' : 'bind'
        break
      case 'gone':
        // Removed at Global since it was asked: the user asks for it to be there.
        if (one.wasGone) return
        one.wasGone = true
        one.next = 'put'
        break
      case 'damaged':
        this.#counts = { ...this.#counts, damaged: this.#counts.damaged + 1 }
        return
    }
    this.#continue(one)
  }

  #continue(one: Progress): void {
    if (one.next === 'bind' && one.names.length === 0) return
    this.#waiting.push(one)
  }

  #stored(one: Progress, existed: boolean): void {
    if (one.isCounted) return
    one.isCounted = true
    const { size } = one.entry
    const { values, valueBytes, sentValues } = this.#counts
    this.#counts = {
      ...this.#counts,
      values: values + 1,
      valueBytes: valueBytes + size,
      sentValues: sentValues + (existed ? 0 : 1),
    }
  }

  #bound(one: Progress, name: string): void {
    one.names.splice(one.names.indexOf(name), 1)
    this.#counts = { ...this.#counts, names: this.#counts.names + 1 }
  }

  #refused(one: Progress, name: string): void {
    one.names.splice(one.names.indexOf(name), 1)
    this.#counts = { ...this.#counts, refusedNames: this.#counts.refusedNames + 1 }
  }
}

const isLargeStep = ({ next, entry }: Progress): boolean =>
  next === 'put' && entry.size > INLINE_VALUE_BYTES

function stepOf({ entry, names, next }: Progress): Step {
  if (next === 'offer') return { type: 'offer', entry }
  if (next === 'put') return { type: 'put', entry, name: entry.unnamed ? undefined : names[0] }
  return { type: 'bind', entry, name: names[0]! }
}
