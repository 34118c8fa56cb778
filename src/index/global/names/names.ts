/**
 * Names at Global (specs/004-index.md, "Rules: tags", "Rules: operations" and "Rules: expiry"):
 * what plans know of them, and what goes on in the background.
 */
import type { Digest, SettledOperations } from '../../message.ts'
import type { Change } from '../../records/change-record.ts'
import type { Rules } from '../../rules.ts'
import type { Finish, PlanRunner } from '../plan-runner.ts'
import { FlowRunner } from '../trees/flow.ts'
import type { OnCascade } from '../trees/key-removal.ts'
import type { NamingContext } from './bind-plan.ts'
import { Expiry } from './expiry.ts'
import { ForcedRemovals } from './forced-removals.ts'
import { Keeps } from './keeps.ts'
import type { NameCountsStatus } from './name-counts-status.ts'
import { NameCounts } from './name-counts.ts'
import { Operations, type OperationRequest } from './operations.ts'
import { Turns, type NamingRequest } from './turns.ts'

export interface NamesOptions {
  readonly plans: PlanRunner
  readonly rules: Rules
  /** The seq that began this run. */
  readonly run: number
  readonly now: () => number
  /** Wall-clock milliseconds since 1970. */
  readonly wall: () => number
  /** The wall time, if something may be deleted by it. */
  readonly trustedMs: () => number | undefined
  readonly mayLack: () => boolean
  /** Peer ids of the Locals that have been silent. */
  readonly silent: () => readonly string[]
  /** A key is about to be removed that directories hold. */
  readonly onMissing: () => void
  readonly onCascade: OnCascade
}

export class Names {
  readonly #options: NamesOptions
  readonly #keeps: Keeps
  readonly #expiry: Expiry
  readonly #removals: ForcedRemovals
  readonly #operations: Operations
  readonly #turns = new Turns()
  readonly #counts = new NameCounts()

  constructor(options: NamesOptions) {
    const { plans } = options
    this.#options = options
    const flows = new FlowRunner(plans)
    this.#keeps = new Keeps({ ...options, flows })
    this.#expiry = new Expiry({ ...options, flows })
    this.#removals = new ForcedRemovals({ ...options, flows })
    this.#operations = new Operations({
      ...options,
      readLog: (after, limit, done, failed) => {
        plans.ask<'entries'>({ type: 'log', after, limit }, ({ entries }) => done(entries), failed)
      },
    })
  }

  /** Gives a key a name in turn; without a name, at once. */
  atKey(
    { name, digest }: { readonly name?: string | undefined; readonly digest?: Digest | undefined },
    finish: Finish,
    begin: (finish: Finish) => void,
  ): void {
    if (name === undefined || digest === undefined) begin(finish)
    else this.#turns.atKey(digest, finish, begin)
  }

  /** The Local that sent them will not repeat these operations. */
  settled(settled: readonly SettledOperations[]): void {
    this.#operations.settled(settled)
  }

  /** Counts since the start. */
  get counts(): NameCountsStatus {
    return this.#counts.status
  }

  committed(change: Change): void {
    this.#counts.count(change)
  }

  readonly isReplaced = (digest: Digest): boolean | undefined => this.#keeps.isReplaced(digest)

  /** A forced removal may have left its mark. */
  readonly removalFailed = (): void => this.#removals.failed()

  /** What plans know beside the rows. `isAdmin`: who asks may do what is the admins'. */
  context(isAdmin: boolean): NamingContext {
    const { wall, rules, mayLack, silent, trustedMs, onCascade } = this.#options
    return {
      isAdmin,
      isWallTrusted: () => trustedMs() !== undefined,
      onCascade,
      wallMs: () => Math.round(wall()),
      lookup: { mayLack },
      rules,
      silent,
      ...this.#keeps.context,
      onExpiring: (expiresMs) => this.#expiry.expiring(expiresMs),
    }
  }

  /**
   * Runs an operation once; a repeat gets the same answer. Those that move one tag, or name one
   * key, take turns.
   */
  operate(
    request: OperationRequest & NamingRequest,
    finish: Finish,
    begin: (finish: Finish) => void,
  ): void {
    this.#operations.run(request, finish, (first) => this.#turns.atTag(request, first, begin))
  }

  /** `trustedMs`: the wall time, if something may be deleted by it. */
  tick(trustedMs: number | undefined): void {
    this.#keeps.tick(trustedMs)
    this.#expiry.tick(trustedMs)
    this.#removals.tick()
  }
}
