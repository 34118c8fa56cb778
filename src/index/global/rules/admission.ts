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
import type { Amount, Reservation, Usage } from './usage.ts'

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
  readonly size: number
  /** What the rule charges for the name already. */
  charged: number | undefined
  readonly begin: (finish: (body: Body) => void) => void
  readonly finish: (body: Body) => void
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

  constructor(options: AdmissionOptions) {
    this.#options = options
  }

  get isAwaited(): boolean {
    return this.#waiting.size > 0
  }

  /** Begins the request when there is room. */
  admit(
    wish: Wish,
    finish: (body: Body) => void,
    begin: (finish: (body: Body) => void) => void,
  ): void {
    const { table, usage, flows } = this.#options
    const rule = table.of(wish.name)
    if (rule === undefined || (rule.maxSize === undefined && rule.maxNames === undefined)) {
      return begin(finish)
    }
    flows.run(
      factsOf(wish),
      ({ size, charge }) => {
        if (size === undefined) return begin(finish)
        if (rule.maxSize !== undefined && size > rule.maxSize) {
          return finish(tooLarge(rule, size, rule.maxSize))
        }
        const isCharged = charge?.rule === rule.id && !usage.isDropped(wish.name)
        const charged = isCharged ? charge.size : undefined
        const all = this.#waiting.get(rule.id) ?? []
        all.push({ name: wish.name, size, charged, begin, finish })
        this.#waiting.set(rule.id, all)
        this.poll()
      },
      (why) => finish(failureOf(why)),
    )
  }

  /** The first request that waits for room in this rule: its name, and what it needs. */
  first(rule: number): (Amount & { readonly name: string }) | undefined {
    const [one] = this.#waiting.get(rule) ?? []
    return one && { name: one.name, ...needOf(one) }
  }

  /** What is charged for a name has changed: a request that waits for it needs more, or less. */
  counted(name: string, charge: Pick<Charge, 'rule' | 'size'> | undefined): void {
    for (const [id, all] of this.#waiting) {
      const charged = charge?.rule === id ? charge.size : undefined
      for (const one of all) if (one.name === name) one.charged = charged
    }
  }

  /** Begins what there is room for. */
  poll(): void {
    const { table, isFull } = this.#options
    for (const [id, all] of this.#waiting) {
      const rule = table.withId(id)
      for (;;) {
        const [one] = all
        if (one === undefined || (rule !== undefined && isFull(rule, needOf(one)))) break
        all.shift()
        this.#begin(one, id)
      }
      if (all.length === 0) this.#waiting.delete(id)
    }
  }

  /** No room can be made. */
  fail(why: DstoreError): void {
    const all = [...this.#waiting.values()].flat()
    this.#waiting.clear()
    for (const { finish } of all) finish(failureOf(why))
  }

  #begin(one: Waiting, rule: number): void {
    const { usage, onSettled } = this.#options
    const { name, begin, finish } = one
    const reservation: Reservation = { name, rule, ...needOf(one), isSettled: false }
    usage.reserve(reservation)
    begin((body) => {
      if (body.type === 'failure') usage.release(reservation)
      else reservation.isSettled = true
      onSettled(name)
      finish(body)
    })
  }
}

const needOf = ({ size, charged }: Waiting): Amount => ({
  names: charged === undefined ? 1 : 0,
  size: Math.max(0, size - (charged ?? 0)),
})

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
