/**
 * The connected Locals (specs/004-index.md, "Rules: sessions" and "Rules: the feed"): which are
 * welcome, how far each has been fed, and which have fallen silent.
 *
 * Each session has at most one feed message in flight. The next follows its acknowledgement and
 * carries everything that was committed meanwhile. So a slow Local costs no memory, and a burst of
 * removals takes few messages.
 */
import { equal } from '../../bytes.ts'
import type { ErrorCode } from '../../errors.ts'
import { BATCH_ITEMS, PING_INTERVAL_MS, REDIAL_PATIENCE_MS, SILENCE_MS } from '../../limits.ts'
import type { Refusal } from '../../membership/refusal.ts'
import type { SessionId } from './global-events.ts'
import type { Failure, Feed, Message, Position } from '../message.ts'
import { failure } from '../failure.ts'
import type { Change } from '../records/change-record.ts'
import { feedFromLog } from './feed.ts'
import { newSession, type Session, type SessionsOptions } from './session.ts'
import { VERSIONS } from '../versions.ts'

const NO_LEASE = 'Global cannot reach its archive, and grants no lease until it does'
const NO_LONGER = 'this node is no longer a member of this Global'

const wayIn = (peer: string): string =>
  `join with a ticket, or have it listed there: dstore members add ${peer}`

export class Sessions {
  readonly #options: SessionsOptions
  readonly #sessions = new Map<SessionId, Session>()
  #hellos = 0

  constructor(options: SessionsOptions) {
    this.#options = options
  }

  /** The connected Locals. One that has just reconnected has two sessions for a moment. */
  peers(): string[] {
    return [...new Set([...this.#welcome()].map(([, { peer }]) => peer))]
  }

  peerOf(id: SessionId): string | undefined {
    return this.#sessions.get(id)?.peer
  }

  /** The protocol version of a session that is welcome. */
  versionOf(id: SessionId): number | undefined {
    return this.#sessions.get(id)?.version
  }

  opened(id: SessionId, peer: string): void {
    this.#sessions.set(id, newSession(peer, this.#options.now()))
  }

  closed(id: SessionId): void {
    const session = this.#sessions.get(id)
    if (this.#sessions.delete(id)) this.#gone(session!)
  }

  /** A message came. True if the session is welcome; otherwise only a hello is served, here. */
  heard(id: SessionId, message: Message): boolean {
    const session = this.#sessions.get(id)
    if (session === undefined) return false
    session.heardAt = this.#options.now()
    if (session.challenger !== undefined) {
      const why = 'another node with the same identity is connected'
      this.refuse(session.challenger.session, 'conflict', why)
      session.challenger = undefined
    }
    const { body } = message
    if (session.state === 'welcome') {
      if (session.replacesOlder) this.#replaceOlder(session)
      this.#options.register.heard(session.peer, session.heardAt)
      if (body.type === 'ping' && this.mayRenew)
        this.#options.register.renew(session.peer, session.heardAt)
      return true
    }
    if (body.type === 'hello' && session.state === 'opened' && session.hello === undefined) {
      session.hello = { id: message.id, body }
      session.order = ++this.#hellos
      this.#hello(id, session)
    } else {
      this.refuse(id, 'protocol', `a ${body.type} before the welcome`)
    }
    return false
  }

  /** It has applied everything up to this seq. False if it was not fed that: the session ends. */
  acknowledged(id: SessionId, seq: number): boolean {
    const session = this.#sessions.get(id)
    if (session === undefined) return false
    if (session.outstanding !== seq) {
      this.refuse(id, 'protocol', `an acknowledgement of ${seq}, which was not due`)
      return false
    }
    session.outstanding = undefined
    this.#options.register.acknowledge(session.peer, seq, session.heardAt)
    this.#feedLosses(id, session)
    return true
  }

  /** May a lease be granted or renewed? Another node may be about to take over (R011-84). */
  get mayRenew(): boolean {
    return this.#options.leaseMs === undefined || this.#options.mayRenew()
  }

  /** Feeds every session that has missed a loss. */
  feedAll(): void {
    for (const [id, session] of this.#welcome()) this.#feedLosses(id, session)
  }

  replayed(
    id: SessionId,
    after: number,
    changes: readonly { readonly seq: number; readonly change: Change }[],
  ): void {
    const session = this.#sessions.get(id)
    if (session === undefined) return
    session.replaying = false
    if (changes[0]?.seq !== after + 1) {
      this.refuse(id, 'unreachable', 'the log was trimmed beyond the position of this Local')
      return
    }
    const feed = feedFromLog(after, changes.at(-1)!.seq, changes, this.#options.rules)
    this.#sendFeed(id, session, feed)
  }

  /** A peer is no longer a member: its sessions end. */
  expel(peer: string): void {
    for (const [id, session] of this.#sessions) {
      if (session.peer !== peer) continue
      this.send(id, { id: 0, body: failure('not-permitted', NO_LONGER, wayIn(peer)) })
      this.close(id)
    }
  }

  tick(): void {
    const now = this.#options.now()
    for (const [id, session] of this.#sessions) {
      const { challenger } = session
      const isReplaced = challenger !== undefined && now - challenger.since >= REDIAL_PATIENCE_MS
      if (isReplaced || now - session.heardAt >= SILENCE_MS) {
        this.refuse(id, 'timeout', 'nothing was heard for a while')
      } else if (session.state === 'welcome' && now - session.sentAt >= PING_INTERVAL_MS) {
        session.sentAt = now
        if (!this.#feed(id, session)) this.send(id, { id: 0, body: { type: 'ping' } })
      }
    }
  }

  send(session: SessionId, message: Message): void {
    if (this.#sessions.has(session)) this.#options.emit({ type: 'send', session, message })
  }

  refuse(session: SessionId, code: ErrorCode, why: string, id = 0): void {
    const peer = this.#sessions.get(session)?.peer
    if (code === 'protocol' && peer !== undefined) this.#refused(peer, 'protocol')
    this.send(session, { id, body: failure(code, why) })
    this.close(session)
  }

  close(session: SessionId): void {
    const gone = this.#sessions.get(session)
    if (gone === undefined) return
    this.#sessions.delete(session)
    this.#options.emit({ type: 'close', session })
    this.#gone(gone)
  }

  #hello(id: SessionId, session: Session): void {
    const { versions, ticketSecret, host } = session.hello!.body
    const { peer, hello } = session
    if (!VERSIONS.some((spoken) => versions.includes(spoken))) {
      const theirs = versions.slice(0, 8).join(', ')
      const why = `no version in common: Global speaks ${VERSIONS.join(', ')}, this Local ${theirs}`
      this.refuse(id, 'incompatible', why, hello!.id)
    } else if (ticketSecret === undefined) {
      this.#enter(id, session)
    } else {
      this.#options.redeem(peer, { secret: ticketSecret, host }, (answer) => {
        if (this.#sessions.get(id) !== session) return
        if (answer.type !== 'failure') return this.#enter(id, session)
        if (answer.code === 'not-permitted') this.#refused(peer, 'ticket')
        this.send(id, { id: hello!.id, body: answer })
        this.close(id)
      })
    }
  }

  /** Only members get past this. */
  #enter(id: SessionId, session: Session): void {
    const { members } = this.#options
    const { peer, hello } = session
    if (members.roleOf(peer) !== undefined) return this.#arrive(id, session)
    const expelled = members.wasExpelled(peer)
    this.#refused(peer, expelled ? 'expelled' : 'stranger')
    const why = expelled ? NO_LONGER : 'this node is not a member of this Global'
    this.send(id, { id: hello!.id, body: failure('not-permitted', why, wayIn(peer)) })
    this.close(id)
  }

  #refused(peer: string, why: Refusal): void {
    this.#options.emit({ type: 'refused', peer, why })
  }

  #arrive(id: SessionId, session: Session): void {
    const { bootId } = session.hello!.body
    if (!this.#options.register.hasRoomFor(session.peer)) {
      this.refuse(id, 'busy', 'Global has as many Locals as it can keep', session.hello!.id)
      return
    }
    for (const [otherId, other] of this.#sessions) {
      if (other.peer !== session.peer || otherId === id || other.hello === undefined) continue
      if (other.state === 'opened') continue
      if (equal(other.hello.body.bootId, bootId)) {
        session.replacesOlder = true
      } else if (other.challenger === undefined) {
        other.challenger = { session: id, since: this.#options.now() }
        this.send(otherId, { id: 0, body: { type: 'ping' } })
        return
      } else {
        this.refuse(id, 'conflict', 'another node with the same identity is connecting')
        return
      }
    }
    if (session.replacesOlder && !this.#options.rules.olderStays) this.#replaceOlder(session)
    session.state = 'registering'
    const { position } = session.hello!.body
    const { id: helloId } = session.hello!
    const held = position === undefined ? this.#options.feed.seq : 0
    const write = this.#options.register.registration(session.peer, bootId, held)
    if (write === undefined) this.#greet(id, session, held)
    else {
      const refused = ({ code, message }: Failure): void => this.refuse(id, code, message, helloId)
      this.#options.write([write], () => this.#greet(id, session, held), refused)
    }
  }

  /** The Local uses its new session: it has no more use for those of earlier hellos (R004-8). */
  #replaceOlder(session: Session): void {
    session.replacesOlder = false
    const { bootId } = session.hello!.body
    for (const [otherId, other] of this.#sessions) {
      if (other.peer !== session.peer || other.order >= session.order) continue
      if (other.state === 'opened' || !equal(other.hello!.body.bootId, bootId)) continue
      this.refuse(otherId, 'unreachable', 'the same Local has reconnected')
    }
  }

  #greet(id: SessionId, session: Session, held: number): void {
    const { register, feed, leaseMs, members } = this.#options
    const now = this.#options.now()
    const { body, id: helloId } = session.hello!
    // It may have been expelled while this was made durable.
    if (members.roleOf(session.peer) === undefined) return
    if (!this.mayRenew) return this.refuse(id, 'unreachable', NO_LEASE, helloId)
    const { position, highestSeen, bootId, versions } = body
    const known = register.knows(session.peer, bootId)
    const resumes = known && position !== undefined && this.contains(position, highestSeen)
    const applied = resumes ? position.seq : undefined
    register.welcome(session.peer, bootId, { seq: held, applied, now })
    if (this.#sessions.get(id) !== session) return this.#left(session.peer)
    session.state = 'welcome'
    session.version = VERSIONS.find((spoken) => versions.includes(spoken))!
    session.fedUpTo = applied ?? feed.seq
    // After a reset the feed starts when the Local has revalidated what it holds.
    session.outstanding = resumes ? undefined : feed.seq
    this.send(id, {
      id: helloId,
      body: {
        type: 'welcome',
        version: session.version,
        position: { runId: this.#options.runs.at(-1)!.id, seq: feed.seq },
        leaseMs,
        reset: !resumes,
        members: resumes ? [] : members.peers(),
        addresses: this.#options.addresses(),
      },
    })
    if (resumes) this.#feed(id, session)
  }

  /**
   * Does the log hold every change after this position, in the history that the position belongs
   * to?
   */
  contains({ runId, seq }: Position, highestSeen: number = seq): boolean {
    const { runs, feed, trimmed, rules } = this.#options
    const known = rules.highestSeen ? Math.max(seq, highestSeen) : seq
    if (known > feed.highest || seq < trimmed()) return false
    const at = runs.findIndex(({ id }) => equal(id, runId))
    if (!rules.runs) return true
    return at >= 0 && known < (runs[at + 1]?.start ?? Infinity)
  }

  /** Feeds a session that has missed a loss. */
  #feedLosses(id: SessionId, session: Session): void {
    if (session.fedUpTo < this.#options.feed.lastLoss) this.#feed(id, session)
  }

  /**
   * Feeds a session, also when the interval holds no loss. False if it is up to date, or a feed is
   * in flight.
   */
  #feed(id: SessionId, session: Session): boolean {
    const { feed, emit } = this.#options
    if (session.outstanding !== undefined || session.replaying || session.fedUpTo >= feed.seq)
      return false
    const message = feed.since(session.fedUpTo)
    if (message === undefined) {
      session.replaying = true
      emit({ type: 'replay', session: id, after: session.fedUpTo, limit: BATCH_ITEMS })
    } else {
      this.#sendFeed(id, session, message)
    }
    return true
  }

  #sendFeed(id: SessionId, session: Session, feed: Feed): void {
    session.fedUpTo = feed.upto
    session.outstanding = feed.upto
    this.send(id, { id: 0, body: feed })
  }

  #gone({ challenger, peer, state }: Session): void {
    if (state === 'welcome') this.#left(peer)
    const next = challenger === undefined ? undefined : this.#sessions.get(challenger.session)
    if (next !== undefined) this.#arrive(challenger!.session, next)
  }

  /** A session of this peer has ended; another may go on. */
  #left(peer: string): void {
    if (!this.peers().includes(peer)) this.#options.register.disconnected(peer, this.#options.now())
  }

  *#welcome(): Generator<[SessionId, Session]> {
    for (const entry of this.#sessions) if (entry[1].state === 'welcome') yield entry
  }
}
