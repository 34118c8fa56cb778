/**
 * Trees at Global (specs/004-index.md, "Rules: directories"): serves the requests about holds and
 * directories, and runs what goes on in the background, after a restart too: cascades, and the
 * release of what ended holds kept.
 */
import { fromHex, toHex } from '../../../bytes.ts'
import { DstoreError } from '../../../errors.ts'
import { BATCH_ITEMS, HOLDS, HOLD_ANSWER_MS } from '../../../limits.ts'
import { failureOf } from '../../failure.ts'
import type { Body, Digest, Failure, MakeDirectories, PresentItem } from '../../message.ts'
import type { Remove, Unbind } from '../../message.ts'
import { MISSING_ROW, endedRow } from '../../records/tree-record.ts'
import type { Rules } from '../../rules.ts'
import type { Finish, PlanRunner } from '../plan-runner.ts'
import type { Sealed } from '../plan.ts'
import { Cascades, type CascadeProgress } from './cascades.ts'
import { commitTree } from './commit-tree.ts'
import { makeDirectory, readable } from './edges.ts'
import { FlowRunner, attempt, read, type Flow } from './flow.ts'
import { openHold, offerHeld, present, putHeld, type HoldContext } from './holds.ts'
import { unawaited, type OnCascade } from './key-removal.ts'
import { ReleaseWaits, concernsDirectory } from './release-waits.ts'
import { endHold, expireHold, releaseAll } from './release.ts'
import { holdsLeft } from './recover-holds.ts'
import type { TreeRequest } from './requests.ts'

/** Directories of one request that are made at the same time. */
const MADE_AT_ONCE = 16

/** How long the release of a hold rests after the store could not do its work. */
const RETRY_MS = 1000

export interface TreesOptions {
  readonly plans: PlanRunner
  readonly rules: Rules
  /** Children that one transaction counts. */
  readonly batchItems: number
  readonly now: () => number
  /** Wall-clock milliseconds since 1970. */
  readonly wall: () => number
  /** The seq that began this run. */
  readonly run: number
  /** The highest seq that is durable. */
  readonly highest: () => number
  /** May a value of the store be known to be damaged? */
  readonly mayBeDamaged: () => boolean
  /** What the commit of a tree under a name knows. */
  readonly naming: HoldContext['naming']
  /** A cascade has ended. */
  readonly onCascadeEnd: () => void
}

export class Trees {
  readonly #options: TreesOptions
  readonly #flows: FlowRunner
  readonly #cascades: Cascades
  readonly #context: HoldContext
  /** When each open hold expires, by its id in hex; complete once `#isRecovered`. */
  readonly #holds = new Map<string, number>()
  /** Holds that have ended and whose values are to be released, by their ids in hex. */
  readonly #ended = new Set<string>()
  readonly #waits = new ReleaseWaits()
  /** Since when the answers of holds that are released are kept for a repeat. */
  readonly #answers = new Map<string, number>()
  #numbers = 0
  #recovery: 'due' | 'running' | 'done' = 'due'
  #isReleasing = false
  #restsUntil = -Infinity
  /** Some key may be missing; until the store says otherwise, it is so. */
  #mayLack = true
  /** Removals of held keys that were begun, so that a count of before does not clear `#mayLack`. */
  #missings = 0
  #isCounting = false

  constructor(options: TreesOptions) {
    const { plans, wall, run, rules, batchItems, naming } = options
    this.#options = options
    this.#flows = new FlowRunner(plans)
    this.#cascades = new Cascades({ ...options, flows: this.#flows })
    this.#context = {
      rules,
      batchItems,
      wallMs: () => Math.round(wall()),
      nextNumber: () => ++this.#numbers,
      run,
      opened: (hold, expiresMs) => void this.#holds.set(toHex(hold), expiresMs),
      mayLack: () => this.#mayLack,
      mayBeDamaged: options.mayBeDamaged,
      naming,
      discard: (location) => plans.discard(location),
    }
  }

  /** Some value may be held by a directory and missing, or damaged. */
  get mayLack(): boolean {
    return this.#mayLack || this.#options.mayBeDamaged()
  }

  /** A key is about to be removed that directories hold. */
  readonly onMissing = (): void => {
    this.#mayLack = true
    this.#missings++
  }

  /** A removal is durable that began a cascade. */
  readonly onCascade: OnCascade = (beginning, seq, found) => {
    this.#cascades.began(beginning, seq, found)
  }

  /** The cascade that began with the removal of this directory, to wait for. */
  cascade(root: number, most: number): CascadeProgress {
    return this.#cascades.progress(root, most)
  }

  /** Before a removal is decided: see `check` and `ReleaseWaits`. */
  beforeRemoval(request: Remove | Unbind, run: () => void, failed: (why: Failure) => void): void {
    const checked = (): void => {
      if (request.type === 'unbind' || request.force) run()
      else this.check(request.digest, run, failed)
    }
    if (this.#ended.size === 0) return checked()
    const decide = (isDirectory: boolean): void => {
      const holds = isDirectory ? this.#ended : []
      this.#waits.add(holds, checked, this.#options.now(), request.timeoutMs)
    }
    this.#flows.run(concernsDirectory(request), decide, (why) => failed(failureOf(why)))
  }

  /**
   * Can the children of this key be read, if it is a directory? Else its removal would leave them
   * counted for good: it takes force.
   */
  check(digest: Digest, done: () => void, failed: (why: Failure) => void): void {
    this.#flows.run(readable(digest), done, (why) => failed(failureOf(why)))
  }

  /** `isAdmin`: who asks may do what is the admins'. */
  serve(request: TreeRequest, isAdmin: boolean, finish: Finish): void {
    const failed = (why: DstoreError): void => finish(failureOf(why))
    const run = <T>(flow: Flow<T>, answer: (result: T) => Body): void => {
      this.#flows.run(flow, (result) => finish(answer(result)), failed)
    }
    switch (request.type) {
      case 'hold':
        if (request.release) return this.#end(request.id, () => finish(HELD), failed)
        if (this.#holds.size >= HOLDS && !this.#holds.has(toHex(request.id))) {
          return failed(new DstoreError('busy', `Global keeps at most ${HOLDS} holds`))
        }
        return run(openHold(request.id, this.#context), () => HELD)
      case 'present':
        return run(present(request.hold, request.items, this.#context), (exists) => {
          return { type: 'present-answer', present: exists }
        })
      case 'make-directories':
        return this.#make(request, finish, failed)
      case 'commit-tree': {
        const context = { ...this.#context, naming: { ...this.#context.naming, isAdmin } }
        return run(commitTree(request, context), ({ receipt, hasEnded }) => {
          if (hasEnded) this.#release(toHex(request.hold))
          return { type: 'stored', receipts: [receipt] }
        })
      }
      case 'offer':
        return run(offerHeld(request, request.hold, this.#context), (offered) => offered)
    }
  }

  /** Puts sealed values under a hold. */
  put(hold: Uint8Array, values: readonly Sealed[], finish: Finish): void {
    this.#flows.run(
      putHeld(hold, values, this.#context),
      (receipts) => finish({ type: 'stored', receipts }),
      (why) => finish(failureOf(why)),
    )
  }

  /** `trustedMs`: the wall time if something may be deleted by it. */
  tick(trustedMs: number | undefined): void {
    const { now } = this.#options
    if (this.#recovery === 'due') this.#recover()
    for (const [id, expiresMs] of this.#holds) {
      if (trustedMs === undefined || expiresMs > trustedMs) continue
      this.#holds.delete(id)
      const renewed = (untilMs: number): void => void this.#holds.set(id, untilMs)
      this.#flows.run(
        expireHold(fromHex(id)!, trustedMs),
        (untilMs) => (untilMs === undefined ? this.#release(id) : renewed(untilMs)),
        () => renewed(expiresMs),
      )
    }
    for (const [id, since] of this.#answers) {
      if (now() - since < HOLD_ANSWER_MS && this.#answers.size <= HOLDS) break
      this.#answers.delete(id)
      this.#forget(id)
    }
    if (this.#mayLack && this.#recovery === 'done') this.#countMissing()
    this.#cascades.poll()
    this.#releaseNext()
    this.#waits.tick(now())
  }

  #make(
    { hold, digests }: MakeDirectories,
    finish: Finish,
    failed: (why: DstoreError) => void,
  ): void {
    let room = BATCH_ITEMS
    let waiting = digests.length
    const context = this.#context
    this.#flows.runAll(
      digests,
      {
        atOnce: MADE_AT_ONCE,
        *begin(digest) {
          const missing = yield* makeDirectory(hold, digest, context)
          waiting--
          // Each directory that is not made names one, at least.
          const some = missing.slice(0, Math.max(1, room - waiting))
          room -= some.length
          return some
        },
      },
      (missing: PresentItem[][]) => finish({ type: 'made-directories', missing }),
      failed,
    )
  }

  #end(hold: Uint8Array, done: () => void, failed: (why: DstoreError) => void): void {
    this.#flows.run(
      endHold(hold),
      (hasEnded) => {
        if (hasEnded) this.#release(toHex(hold))
        done()
      },
      failed,
    )
  }

  /** A hold has ended: its values are to be released. */
  #release(id: string): void {
    this.#holds.delete(id)
    if (this.#answers.has(id)) return
    this.#ended.add(id)
    this.#releaseNext()
  }

  #releaseNext(): void {
    const [id] = this.#ended
    const { now } = this.#options
    if (id === undefined || this.#isReleasing || now() < this.#restsUntil) return
    this.#isReleasing = true
    const { rules, batchItems } = this.#options
    const flow = releaseAll(fromHex(id)!, {
      rules,
      batchItems,
      root: unawaited(),
      onRemoved: (seq, found, cascade) => {
        if (cascade !== undefined) this.#cascades.began(cascade, seq, found)
      },
    })
    this.#flows.run(
      flow,
      () => {
        this.#isReleasing = false
        this.#ended.delete(id)
        this.#answers.set(id, now())
        this.#waits.released(id)
        this.#releaseNext()
      },
      () => {
        this.#isReleasing = false
        // Others need not wait for this one.
        this.#ended.delete(id)
        this.#ended.add(id)
        this.#restsUntil = now() + RETRY_MS
      },
    )
  }

  #forget(id: string): void {
    const write = { key: endedRow(fromHex(id)!), value: undefined }
    const again = (): void => void this.#answers.set(id, this.#options.now())
    this.#flows.run(attempt({ conditions: [], writes: [write] }), () => undefined, again)
  }

  /** Finds what an earlier run left: open holds, holds to be released, and cascades. */
  #recover(): void {
    this.#recovery = 'running'
    this.#flows.run(
      this.#left(),
      () => {
        this.#recovery = 'done'
        this.#releaseNext()
      },
      () => (this.#recovery = 'due'),
    )
  }

  *#left(): Flow<void> {
    const { releasesResume } = this.#options.rules
    yield* holdsLeft({
      open: (id, expiresMs) => void this.#holds.set(id, expiresMs),
      ended: (id) => void (releasesResume && this.#ended.add(id)),
    })
    yield* this.#cascades.recover()
  }

  /** Is really some key missing? */
  #countMissing(): void {
    if (this.#isCounting) return
    this.#isCounting = true
    const missings = this.#missings
    this.#flows.run(
      nothingMissing(),
      (isSo) => {
        this.#isCounting = false
        if (isSo && missings === this.#missings) this.#mayLack = false
      },
      () => (this.#isCounting = false),
    )
  }
}

/** The transaction comes after each removal that was begun before it: that may count one. */
function* nothingMissing(): Flow<boolean> {
  const [row] = yield* read([MISSING_ROW])
  if (row !== undefined) return false
  const conditions = [{ key: MISSING_ROW, version: 0 }]
  return (yield* attempt({ conditions, writes: [] })) !== undefined
}

const HELD: Body = { type: 'held' }
