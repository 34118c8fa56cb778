/**
 * Rules at Global (specs/004-index.md, "Rules: lifecycle"): what each prefix of names may hold.
 * Everything that changes what is counted goes one after the other, in the background; so the
 * counters are those of one order of changes, and need no conditions.
 */
import { RULE_COUNTS, RULE_UNBINDS } from '../../../limits.ts'
import { failureOf } from '../../failure.ts'
import type { Body, Digest, RemoveRule, SetRule } from '../../message.ts'
import type { Change } from '../../records/change-record.ts'
import {
  counterOf,
  ruleLastRow,
  ruleNamesRow,
  ruleRemovedRow,
  ruleSizeRow,
  type StoredRules,
} from '../../records/rule-record.ts'
import type { Rules } from '../../rules.ts'
import type { Finish, PlanRunner } from '../plan-runner.ts'
import { FlowRunner, type Flow } from '../trees/flow.ts'
import type { OnCascade } from '../trees/key-removal.ts'
import { Admission, type Wish } from './admission.ts'
import { Counting } from './counting.ts'
import { Enforcement, type Excess } from './enforcement.ts'
import { excessOf, isOver, overdue, type Moment } from './excess.ts'
import { HeldOtherwise } from './held-otherwise.ts'
import { jobOf, type Job } from './job.ts'
import { RecentUses } from './recent-uses.ts'
import { RuleChanges } from './rule-changes.ts'
import { RuleTable, type PrefixRule } from './rule-table.ts'
import { UNNAMED, keySubject } from './subjects.ts'
import { Usage, type Amount } from './usage.ts'

/** How often names are looked for whose time is over. */
const LOOK_MS = 10_000

/** How long the work rests after the store could not do it. */
const RETRY_MS = 1000

export interface LifecycleOptions {
  readonly plans: PlanRunner
  readonly rules: Rules
  readonly stored: StoredRules
  /** The seq that began this run. */
  readonly run: number
  readonly now: () => number
  /** Wall-clock milliseconds since 1970. */
  readonly wall: () => number
  /** Every change up to this one is durable, and was reported. */
  readonly seq: () => number
  readonly onCascade: OnCascade
}

export class Lifecycle {
  readonly #options: LifecycleOptions
  readonly #flows: FlowRunner
  readonly #table = new RuleTable()
  readonly #usage = new Usage()
  readonly #uses = new RecentUses()
  readonly #counting: Counting
  readonly #admission: Admission
  readonly #enforcement: Enforcement
  readonly #changes: RuleChanges
  readonly #heldOtherwise: HeldOtherwise
  readonly #beganAt: number
  /** Changes of rules that were asked for. */
  readonly #asked: Job[] = []
  #isRunning = false
  #restsUntil = -Infinity
  /** What may still be done in the background: refilled by the time. */
  #countable = RULE_COUNTS
  #droppable = RULE_UNBINDS
  #tickedAt: number
  #trustedMs: number | undefined
  /** When names of each rule are looked for next whose time is over, by the rule's id. */
  readonly #looksAt = new Map<number, number>()
  /** Rules that had nothing to unbind when it was last tried. */
  readonly #exhausted = new Set<number>()
  /** Followed last: now it is the turn of other work. */
  #hasFollowed = false

  constructor(options: LifecycleOptions) {
    const { plans, now, wall, seq, stored, run, rules, onCascade } = options
    this.#options = options
    this.#flows = new FlowRunner(plans)
    this.#beganAt = now()
    this.#tickedAt = now()
    const shared = { table: this.#table, usage: this.#usage, uses: this.#uses, flows: this.#flows }
    this.#counting = new Counting({
      ...shared,
      now,
      clockMs: () => this.#clockMs(),
      wallMs: () => Math.round(wall()),
      seq,
      onCounted: (name, charge) => this.#admission.counted(name, charge),
      resumes: rules.countsResume,
    })
    this.#admission = new Admission({
      ...shared,
      isFull: (rule, more) => rules.roomFirst && this.#isFull(rule, more),
      onSettled: (name) => this.#counting.changed(name),
    })
    this.#enforcement = new Enforcement({
      ...shared,
      rules,
      onCascade,
      onUsed: (name) => this.#counting.changed(name),
      onDropped: (name) => this.#admission.counted(name, undefined),
      onKept: (subject) => {
        this.#counting.used(subject)
        this.#counting.changed(subject)
      },
    })
    this.#heldOtherwise = new HeldOtherwise({ ...shared, now })
    this.#changes = new RuleChanges({
      ...shared,
      counting: this.#counting,
      heldOtherwise: (rule) => this.#heldOtherwise.of(rule),
      clockMs: () => this.#clockMs(),
    })
    for (const [prefix, rule] of stored.rules) {
      this.#table.set({ ...rule, prefix: prefix ?? UNNAMED })
      this.#usage.setCounted(rule.id, {
        names: counterOf(stored, ruleNamesRow(rule.id)),
        size: counterOf(stored, ruleSizeRow(rule.id)),
        removed: counterOf(stored, ruleRemovedRow(rule.id)),
        lastMs: counterOf(stored, ruleLastRow(rule.id)) || undefined,
      })
    }
    this.#counting.resume(stored.state, stored.counts, run)
  }

  /** Begins a request that binds a name when there is room for it. */
  admit(wish: Wish | undefined, finish: Finish, begin: (finish: Finish) => void): void {
    if (wish === undefined) return begin(finish)
    this.#admission.admit(wish, finish, begin)
  }

  /** A name was used, at Global or at a Local. */
  used(name: string): void {
    this.#counting.used(name)
  }

  /** Are uses of keys of interest? */
  get boundsKeys(): boolean {
    return this.#table.get(UNNAMED) !== undefined
  }

  /** A value was used by its key. */
  usedKey(digest: Digest): void {
    if (this.boundsKeys) this.#counting.used(keySubject(digest))
  }

  /** A change is durable. */
  committed(change: Change): void {
    this.#counting.committed(change)
  }

  set(request: SetRule, finish: Finish): void {
    this.#ask(() => this.#changes.set(request), finish)
  }

  remove(request: RemoveRule, finish: Finish): void {
    this.#ask(() => this.#changes.remove(request), finish)
  }

  /** Every rule, and what it holds, once the changes so far are counted, unless they are many. */
  list(finish: Finish): void {
    const list = (): void => finish({ type: 'rule-list', items: this.#changes.list() })
    if (!this.#counting.isActive || this.#counting.recounts) return list()
    this.#asked.push((done) => {
      const answer = (): void => {
        this.#exhausted.clear()
        this.#enforcement.counted()
        done()
        list()
      }
      this.#flows.run(this.#counting.catchUp(), answer, answer)
    })
  }

  /** `trustedMs`: the wall time, if something may be deleted by it. */
  tick(trustedMs: number | undefined): void {
    const now = this.#options.now()
    const seconds = (now - this.#tickedAt) / 1000
    this.#tickedAt = now
    this.#trustedMs = trustedMs
    this.#countable = Math.min(RULE_COUNTS, this.#countable + seconds * RULE_COUNTS)
    this.#droppable = Math.min(RULE_UNBINDS, this.#droppable + seconds * RULE_UNBINDS)
    this.#heldOtherwise.tick(seconds)
    this.#counting.tick()
  }

  /** Begins what is due. To be called at the end of each event. */
  poll(): void {
    if (!this.#counting.isActive && this.#asked.length === 0) return
    this.#admission.poll()
    while (!this.#isRunning && this.#options.now() >= this.#restsUntil) {
      const job = this.#next()
      if (job === undefined) return
      this.#isRunning = true
      job(
        () => (this.#isRunning = false),
        (why) => {
          this.#isRunning = false
          this.#restsUntil = this.#options.now() + RETRY_MS
          this.#admission.fail(why)
        },
      )
    }
  }

  #next(): Job | undefined {
    const asked = this.#asked.shift()
    if (asked !== undefined) return asked
    // In turns: neither a stream of changes nor a flood of names that go holds the other up.
    const follow = (): Job | undefined => this.#follow()
    const others = (): Job | undefined =>
      this.#makeRoom() ?? this.#recount() ?? this.#end() ?? this.#look()
    const [first, second] = this.#hasFollowed ? [others, follow] : [follow, others]
    return first() ?? second()
  }

  #follow(): Job | undefined {
    this.#hasFollowed = true
    // What was unbound counts at once; only what is not in the order of use yet is urgent.
    const isUrgent = this.#admission.isAwaited && this.#exhausted.size > 0
    const flow = this.#counting.follow(isUrgent)
    if (flow === undefined) return undefined
    return jobOf(this.#flows, flow, () => {
      this.#exhausted.clear()
      this.#enforcement.counted()
    })
  }

  #recount(): Job | undefined {
    const flow = this.#countable < 1 ? undefined : this.#counting.recounting()
    if (flow === undefined) return undefined
    return jobOf(this.#flows, flow, (count) => {
      this.#countable -= count
      this.#enforcement.counted()
    })
  }

  #look(): Job | undefined {
    const flow = this.#heldOtherwise.next()
    if (flow === undefined) return undefined
    // A row that cannot be read is no reason to refuse a put.
    return (done) => this.#flows.run(flow(), done, () => (this.#heldOtherwise.abandon(), done()))
  }

  /** Unbinds what a rule has too much of, or what the first request waits for. */
  #makeRoom(): Job | undefined {
    this.#hasFollowed = false
    if (this.#counting.isBehind) return undefined
    for (const rule of this.#table.all) {
      if (this.#exhausted.has(rule.id) || this.#counting.isRecounting(rule.prefix)) continue
      const first = this.#admission.first(rule.id)
      const most = excessOf(rule, this.#withMore(rule, first ?? { names: 0, size: 0 }))
      if (most === undefined || (first === undefined && this.#droppable < 1)) continue
      const spared = first && { spared: first.name }
      const excess = { rule, order: 'use', untilMs: Infinity, most, ...spared } as const
      return this.#drop(excess, (dropped, passedOver) => {
        if (dropped === 0 && passedOver === 0) this.#exhausted.add(rule.id)
      })
    }
    return undefined
  }

  /** Unbinds names whose time is over. */
  #end(): Job | undefined {
    const now = this.#options.now()
    if (this.#droppable < 1) return undefined
    for (const rule of this.#table.all) {
      if (now < (this.#looksAt.get(rule.id) ?? 0)) continue
      const due = [...overdue(rule, this.#moment())]
      this.#looksAt.set(rule.id, now + LOOK_MS)
      if (due.length === 0) continue
      return (done, failed) => {
        const next = (): void => {
          const one = due.shift()
          if (one === undefined) return done()
          const again = (dropped: number): void => {
            if (dropped > 0) this.#looksAt.set(rule.id, 0)
            next()
          }
          this.#drop(one, again)(() => undefined, failed)
        }
        next()
      }
    }
    return undefined
  }

  #moment(): Moment {
    const hasRunMs = this.#options.now() - this.#beganAt
    return { clockMs: this.#clockMs(), hasRunMs, trustedMs: this.#trustedMs }
  }

  #drop(excess: Excess, after: (dropped: number, passedOver: number) => void): Job {
    return (done, failed) => {
      this.#enforcement.drop(
        excess,
        (dropped, passedOver) => {
          this.#droppable -= dropped
          done()
          after(dropped, passedOver)
        },
        failed,
      )
    }
  }

  /** Is there no room for this much more? */
  #isFull(rule: PrefixRule, more: Amount): boolean {
    if (more.names === 0 && more.size === 0) return false
    if (this.#counting.isRecounting(rule.prefix)) return false
    return this.#counting.isBehind || isOver(rule, this.#withMore(rule, more))
  }

  /** What the rule would hold with this much more. */
  #withMore({ id }: PrefixRule, more: Amount): Amount {
    const { names, size } = this.#usage.expected(id)
    return { names: names + more.names, size: size + more.size }
  }

  /** The clock of runs, whole milliseconds. */
  #clockMs(): number {
    const { stored, now } = this.#options
    return Math.floor(stored.state.clockMs + now() - this.#beganAt)
  }

  #ask(flow: () => Flow<Body>, finish: Finish): void {
    this.#asked.push((done) => {
      this.#flows.run(
        flow(),
        (body) => {
          this.#looksAt.clear()
          this.#exhausted.clear()
          done()
          finish(body)
        },
        (why) => {
          done()
          finish(failureOf(why))
        },
      )
    })
  }
}
