/**
 * Serves the requests of Locals and of the node's own callers (specs/004-index.md, "Messages"):
 * each by a plan, a flow, or at once.
 */
import { refusalAt } from '../../versions.ts'
import { memberPage, type MembershipContext } from '../membership-plans.ts'
import type { Members } from '../../../membership/members.ts'
import type { Body, Digest, Message, Put, Request } from '../../message.ts'
import {
  isAdmin,
  isRequest,
  planOf,
  refusalOf,
  roleTooLow,
  type PlanContexts,
} from '../dispatch.ts'
import {
  SELF,
  type GlobalEffect,
  type GlobalEvent,
  type GlobalIndexOptions,
  type SessionId,
} from '../global-events.ts'
import type { Names } from '../names/names.ts'
import { isOperation } from '../names/operations.ts'
import type { Lifecycle } from '../rules/lifecycle.ts'
import { wishOf } from '../rules/wishes.ts'
import type { Finish, Origin, PlanRunner } from '../plan-runner.ts'
import { putTask, putTasks } from '../put-plans.ts'
import type { Sessions } from '../sessions.ts'
import { isTreeRequest } from '../trees/requests.ts'
import { putBatch } from './put-batch.ts'
import { putValues } from './put-values.ts'
import { runTogether } from './run-together.ts'
import type { Trees } from '../trees/trees.ts'

export interface RequestParts {
  readonly options: GlobalIndexOptions
  readonly plans: PlanRunner
  readonly trees: Trees
  readonly names: Names
  readonly lifecycle: Lifecycle
  readonly sessions: Sessions
  readonly emit: (effect: GlobalEffect) => void
  /** Every change up to this one is durable. */
  readonly seq: () => number
  /** The last seq that was trimmed from the log. */
  readonly trimmed: () => number
  /** The wall time, if something may be deleted by it. */
  readonly trustedMs: () => number | undefined
  readonly answer: (origin: Origin, body: Body) => void
  readonly goodbye: (session: SessionId) => void
  /** A Local has acknowledged changes. */
  readonly acknowledged: () => void
}

export class Requests {
  readonly #parts: RequestParts

  constructor(parts: RequestParts) {
    this.#parts = parts
  }

  get #members(): Members {
    return this.#parts.options.recovered.members
  }

  message(session: SessionId, { id, body }: Message): void {
    const origin = { session, id }
    if (session !== SELF && !this.#parts.sessions.heard(session, { id, body })) return
    if (isRequest(body) && !this.#isAllowed(origin, body)) return
    const finish: Finish = (answer) => {
      this.#usedAgain(answer)
      this.#parts.answer(origin, answer)
    }
    const { names, lifecycle } = this.#parts
    const begin = (done: Finish): void => {
      lifecycle.admit(wishOf(body), done, (admitted) => {
        const serve = (end: Finish): void => this.#serve(origin, body, end)
        if (isOperation(body)) names.atKey(body, admitted, serve)
        else serve(admitted)
      })
    }
    if (!isOperation(body)) return begin(finish)
    names.operate(body, finish, begin)
  }

  /** A value came beside the index. A repeat has no use for it. */
  uploaded({ id, value, hold, ...as }: GlobalEvent & { type: 'uploaded' }): void {
    const { plans, trees, names, lifecycle, answer } = this.#parts
    const origin = { session: SELF, id }
    const finish = (body: Body): void => {
      this.#usedAgain(body)
      answer(origin, body)
    }
    if (hold !== undefined) return trees.put(hold, [value], finish)
    let isFirst = false
    const done = (body: Body): void => {
      if (!isFirst) plans.discard(value.location)
      finish(body)
    }
    const { name } = as
    const wish = name === undefined ? undefined : { ...value, name, directory: false }
    const { digest } = value
    names.operate({ ...as, type: 'uploaded' }, done, (first) => {
      lifecycle.admit(wish, first, (admitted) => {
        isFirst = true
        names.atKey({ name, digest }, admitted, (end) => {
          plans.run(putTask(origin, value, as, this.#putContext(false), end))
        })
      })
    })
  }

  #serve(origin: Origin, body: Body, finish: Finish): void {
    const { session, id } = origin
    const isAdmin = this.#isAdmin(session)
    switch (body.type) {
      case 'put':
        this.#put(origin, body, isAdmin, finish)
        break
      case 'put-batch':
        putBatch(body, origin, this.#putContext(isAdmin), { ...this.#parts, finish })
        break
      case 'set-rule':
        this.#parts.lifecycle.set(body, finish)
        break
      case 'remove-rule':
        this.#parts.lifecycle.remove(body, finish)
        break
      case 'rules':
        this.#parts.lifecycle.list(finish)
        break
      case 'report-use':
        for (const name of body.names) this.#parts.lifecycle.used(name)
        this.#usedKeys(body.digests)
        finish({ type: 'accepted', keys: this.#parts.lifecycle.boundsKeys })
        break
      case 'members':
        finish(memberPage(this.#members, body, new Set(this.#parts.sessions.peers())))
        break
      case 'list':
      case 'names':
      case 'contents':
      case 'watch':
        this.#parts.emit({ type: 'page', session, id, body })
        break
      case 'ping':
        this.#parts.names.settled(body.settled ?? [])
        // Without a pong the lease ends in time. Pings of Global keep the session up meanwhile.
        if (this.#parts.sessions.mayRenew) finish({ type: 'pong', seq: this.#parts.seq() })
        break
      case 'ack':
        if (this.#parts.sessions.acknowledged(session, body.seq)) this.#parts.acknowledged()
        break
      case 'goodbye':
        this.#parts.goodbye(session)
        break
      case 'pong':
        break
      default:
        if (isTreeRequest(body)) this.#parts.trees.serve(body, isAdmin, finish)
        else this.#runPlan(origin, body, isAdmin, finish)
    }
  }

  #put(origin: Origin, body: Put, isAdmin: boolean, finish: Finish): void {
    const { plans, trees, names } = this.#parts
    const { values, name, hold, operations } = body
    plans.ask<'sealed'>(
      { type: 'stage', values, ...(name !== undefined && { names: [name] }) },
      ({ values: sealed }) => {
        if (hold !== undefined) return trees.put(hold, sealed, finish)
        const context = this.#putContext(isAdmin)
        if (operations !== undefined) {
          return putValues(sealed, operations, origin, context, { plans, names, finish })
        }
        names.atKey({ name, digest: sealed[0]?.digest }, finish, (done) => {
          runTogether(plans, putTasks(origin, sealed, body, context, done))
        })
      },
      finish,
    )
  }

  #runPlan(origin: Origin, body: Body, isAdmin: boolean, finish: Finish): void {
    const { sessions, plans, trees } = this.#parts
    const { session } = origin
    const asker = sessions.peerOf(session) ?? ''
    const begin = planOf(body, this.#contexts(asker, isAdmin))
    if (begin === undefined) {
      return sessions.refuse(session, 'protocol', `a ${body.type} was not expected`)
    }
    const timeoutMs = 'timeoutMs' in body ? body.timeoutMs : undefined
    const done =
      body.type === 'lookup'
        ? this.#used(body.name, finish)
        : body.type === 'remove'
          ? this.#removed(finish)
          : finish
    if (body.type === 'locate' && body.inline) this.#usedKeys(body.digests)
    const run = (): void => plans.run({ origin, begin, timeoutMs, finish: done })
    if (body.type === 'remove' || body.type === 'unbind') trees.beforeRemoval(body, run, finish)
    else run()
  }

  /** A removal that fails, as for want of room, may have unbound some names: it goes on. */
  #removed(finish: Finish): Finish {
    return (body) => {
      if (body.type === 'failure') this.#parts.names.removalFailed()
      finish(body)
    }
  }

  /** A put of a value that exists is a use of it. */
  #usedAgain(body: Body): void {
    if (!this.#parts.lifecycle.boundsKeys) return
    const receipts =
      body.type === 'stored' ? body.receipts : body.type === 'offered' ? [body.have] : []
    this.#usedKeys(receipts.flatMap((one) => (one?.existed === true ? [one.digest] : [])))
  }

  #usedKeys(digests: readonly Digest[]): void {
    for (const digest of digests) this.#parts.lifecycle.usedKey(digest)
  }

  /** A name that is found is used. */
  #used(name: string, finish: Finish): Finish {
    return (body) => {
      if (body.type === 'binding' && body.found !== undefined) this.#parts.lifecycle.used(name)
      finish(body)
    }
  }

  /** What plans know beside the rows. `asker`: a peer id; empty for Global itself. */
  #contexts(asker: string, isAsAdmin: boolean): PlanContexts {
    const { onMissing, onCascade } = this.#parts.trees
    const { wallMs, rules } = this.#parts.names.context(isAsAdmin)
    const holdersOf = this.#parts.options.holders ?? (() => [])
    return {
      membership: () => this.membership(asker),
      lookup: { holdersOf, mayLack: this.#mayLack, wallMs, rules },
      put: this.#putContext(isAsAdmin),
      removal: {
        trimmed: this.#parts.trimmed,
        onMissing,
        onCascade,
        isReplaced: this.#parts.names.isReplaced,
        isAdmin: isAsAdmin,
        refusal: () => roleTooLow(asker, this.#members.roleOf(asker) ?? 'stranger', 'admin'),
      },
    }
  }

  readonly #mayLack = (): boolean => this.#parts.trees.mayLack

  #putContext(isAsAdmin: boolean): PlanContexts['put'] {
    return { mayLack: this.#mayLack, naming: this.#parts.names.context(isAsAdmin) }
  }

  /** Does who asks in this session what is the admins'? */
  #isAdmin(session: SessionId): boolean {
    return (
      session === SELF || isAdmin(this.#members.roleOf(this.#parts.sessions.peerOf(session) ?? ''))
    )
  }

  /**
   * Does the session have this request, and is the role of the asker high enough? If not, it gets
   * the refusal as its answer.
   */
  #isAllowed(origin: Origin, request: Request): boolean {
    if (origin.session === SELF) return true
    const older = refusalAt(this.#parts.sessions.versionOf(origin.session)!, request)
    if (older !== undefined) {
      this.#parts.answer(origin, older)
      return false
    }
    const peer = this.#parts.sessions.peerOf(origin.session)!
    const refusal = refusalOf(this.#members, peer, request)
    if (refusal === undefined) return true
    this.#parts.answer(origin, refusal)
    this.#parts.emit({ type: 'refused', peer, why: 'role' })
    return false
  }

  /** What plans about members know. `asker`: a peer id; empty for Global itself. */
  membership(asker: string): MembershipContext {
    const { wall, addresses } = this.#parts.options
    const time = { nowMs: Math.round(wall()), trustedMs: this.#parts.trustedMs() }
    const known = { members: this.#members, trimmed: this.#parts.trimmed(), asker }
    return { ...known, ...time, addresses: addresses?.() ?? [] }
  }
}
