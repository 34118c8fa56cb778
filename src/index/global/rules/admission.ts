/**
 * Requests that bind names below a rule reserve room in it first, and wait for it where the rule is
 * full, in their order (specs/004-index.md, R004-147). Nothing is refused but what could never fit.
 */
import type { DstoreError } from '../../../errors.ts'
import { failure, failureOf } from '../../failure.ts'
import type { Body, Digest, Failure } from '../../message.ts'
import { chargeRow, decodeCharge, type Charge } from '../../records/charge-record.ts'
import { decodeKey, keyRow } from '../../records/record.ts'
import { read, type Flow, type FlowRunner } from '../trees/flow.ts'
import type { PrefixRule, RuleTable } from './rule-table.ts'
import { needOf, type Amount, type Reservation, type Usage } from './usage.ts'
import type { Finish } from '../plan-runner.ts'

/** What a request wants to bind. */
export interface Wish {
  readonly name: string
  readonly digest: Digest | undefined
  /** Bytes; undefined: those of the key that exists. */
  readonly size: number | undefined
  /** It is to be bound as a directory: the size is that of all its files. */
  readonly directory: boolean
}

interface Waiting {
  readonly name: string
  readonly rule: number
  readonly size: number
  /** What the rule charges for the name already. */
  charged: number | undefined
  readonly begin: (finish: Finish) => void
  readonly finish: Finish
}

interface Reading {
  /** What was counted since the reading began. */
  counted: { readonly charge: Charge | undefined } | undefined
}

export interface AdmissionOptions {
  readonly flows: FlowRunner
  readonly table: RuleTable
  readonly usage: Usage
  /** Must there be room? Not while the rule's names are still being counted. */
  readonly isFull: (rule: PrefixRule, more: Amount) => boolean
  /** The name is to be counted again. */
  readonly onSettled: (name: string) => void
}

export class Admission {
  readonly #options: AdmissionOptions
  /** By the ids of rules, in the order of the requests. */
  readonly #waiting = new Map<number, Waiting[]>()
  /** What waits, by name. */
  readonly #byName = new Map<string, Set<Waiting>>()
  /** Requests of which the charge is being read, by name. */
  readonly #reading = new Map<string, Set<Reading>>()

  constructor(options: AdmissionOptions) {
    this.#options = options
  }

  get isAwaited(): boolean {
    return this.#waiting.size > 0
  }

  /** Begins the request when there is room. */
  admit(wish: Wish, finish: Finish, begin: (finish: Finish) => void): void {
    const { table, usage, flows } = this.#options
    const rule = table.of(wish.name)
    if (rule === undefined || (rule.maxSize === undefined && rule.maxNames === undefined)) {
      return begin(finish)
    }
    const { name, directory } = wish
    const reading: Reading = { counted: undefined }
    add(this.#reading, name, reading)
    flows.run(
      factsOf(wish),
      ({ size, charge: read }) => {
        const chargedNow = (): number | undefined => {
          // What was counted meanwhile is newer than what was read.
          const { charge } = reading.counted ?? { charge: read }
          return charge?.rule === rule.id && !usage.isDropped(name) ? charge.size : undefined
        }
        if (size === undefined) {
          return begin((body) => {
            remove(this.#reading, name, reading)
            this.#surprised({ name, rule: rule.id, charged: chargedNow() }, sizeIn(body, directory))
            finish(body)
          })
        }
        remove(this.#reading, name, reading)
        if (rule.maxSize !== undefined && size > rule.maxSize) {
          return finish(tooLarge(rule, size, rule.maxSize))
        }
        const charged = chargedNow()
        const all = this.#waiting.get(rule.id) ?? []
        const one: Waiting = { name, rule: rule.id, size, charged, begin, finish }
        all.push(one)
        this.#waiting.set(rule.id, all)
        add(this.#byName, name, one)
        this.poll()
      },
      (why) => {
        remove(this.#reading, name, reading)
        finish(failureOf(why))
      },
    )
  }

  /** The first request that waits for room in this rule: its name, and what it needs. */
  first(rule: number): (Amount & { readonly name: string }) | undefined {
    const [one] = this.#waiting.get(rule) ?? []
    return one && { name: one.name, ...needOf(one.size, one.charged) }
  }

  /** What is charged for a name has changed: a request that waits for it needs more, or less. */
  counted(name: string, charge: Charge | undefined): void {
    this.#options.usage.recharge(name, charge)
    for (const one of this.#reading.get(name) ?? []) one.counted = { charge }
    for (const one of this.#byName.get(name) ?? []) {
      one.charged = charge?.rule === one.rule ? charge.size : undefined
    }
  }

  /** Begins what there is room for. */
  poll(): void {
    const { table, isFull } = this.#options
    for (const [id, all] of this.#waiting) {
      const rule = table.withId(id)
      for (;;) {
        const [one] = all
        if (
          one === undefined ||
          (rule !== undefined && isFull(rule, needOf(one.size, one.charged)))
        )
          break
        all.shift()
        remove(this.#byName, one.name, one)
        this.#begin(one, id)
      }
      if (all.length === 0) this.#waiting.delete(id)
    }
  }

  /** No room can be made. */
  fail(why: DstoreError): void {
    const all = [...this.#waiting.values()].flat()
    this.#waiting.clear()
    this.#byName.clear()
    for (const { finish } of all) finish(failureOf(why))
  }

  /**
   * No room was looked for, as the key was not there; if it has come into being meanwhile, and was
   * bound, it takes room from now on (R004-136).
   */
  #surprised(
    { name, rule, charged }: Pick<Waiting, 'name' | 'rule' | 'charged'>,
    size: number | undefined,
  ): void {
    if (size === undefined) return
    const { usage, onSettled } = this.#options
    usage.reserve({ name, rule, ...needOf(size, charged), wanted: size, isSettled: true })
    onSettled(name)
  }

  #begin(one: Waiting, rule: number): void {
    const { usage, onSettled } = this.#options
    const { name, size, charged, begin, finish } = one
    const need = needOf(size, charged)
    const reservation: Reservation = { name, rule, ...need, wanted: size, isSettled: false }
    usage.reserve(reservation)
    begin((body) => {
      if (body.type === 'failure') usage.release(reservation)
      else reservation.isSettled = true
      onSettled(name)
      finish(body)
    })
  }
}

/** The bytes that an answer says a name is bound to. */
function sizeIn(body: Body, isDirectory: boolean): number | undefined {
  if (body.type !== 'binding' && body.type !== 'rebound') return undefined
  const fact = body.found?.fact
  return isDirectory ? fact?.directory?.size : fact?.size
}

function add<T>(sets: Map<string, Set<T>>, name: string, one: T): void {
  const set = sets.get(name) ?? new Set()
  sets.set(name, set.add(one))
}

function remove<T>(sets: Map<string, Set<T>>, name: string, one: T): void {
  const set = sets.get(name)
  if (set?.delete(one) === true && set.size === 0) sets.delete(name)
}

function* factsOf({ name, digest, size, directory }: Wish): Flow<{
  readonly size: number | undefined
  readonly charge: ReturnType<typeof decodeCharge> | undefined
}> {
  const key = size === undefined && digest !== undefined ? [keyRow(digest)] : []
  const [row, existing] = yield* read([chargeRow(name), ...key])
  const found = existing && decodeKey(existing)
  const known = directory ? found?.directory?.size : found?.size
  return { size: size ?? known, charge: row && decodeCharge(row) }
}

function tooLarge({ prefix }: PrefixRule, size: number, most: number): Failure {
  const why = `${size} bytes are more than the ${most} bytes that the rule of ${shown(prefix)} allows`
  return failure('too-large', why, 'an admin can change it: dstore rule set')
}

const shown = (prefix: string): string => (prefix === '' ? 'all names' : prefix)
