/**
 * The node of a member of a set: it refuses everything but its status while it stands by, is a
 * Global while it is active, and stands by again after a step-down (specs/012-set.md).
 */
import { pause } from '../../../deadline.ts'
import { DstoreError, asDstoreError } from '../../../errors.ts'
import { SET_NOTE_MS } from '../../../limits.ts'
import type { Log } from '../../../log.ts'
import { setReport } from '../../../node/global/set/report-set.ts'
import type { NodeSet } from '../../../node/global/set/node-set.ts'
import type { NodeStatus, ServedNode } from '../../../node/node.ts'
import { VERSION } from '../../../node/version.ts'
import type { HandOver, Serving } from '../../http/set/serving.ts'
import type { Elected, MemberNote, SetMember } from '../../../set/interface.ts'
import { saysActive } from '../../../set/notes/member-note.ts'

export interface MemberNodeOptions {
  readonly set: SetMember
  readonly diskBytes: number | undefined
  readonly log: Log
  /** Opens the Global over the store of the elected member. */
  readonly open: (set: NodeSet) => Promise<ServedNode>
  /** It is active: settles what the daemon keeps in the store, before callers are answered. */
  readonly onActive: (node: ServedNode) => Promise<void>
  /** It is not active any more: what others keep in the store counts. */
  readonly onInactive?: () => void
  /** What goes on until it stands by, for people. */
  readonly onStep?: ((doing: string) => void) | undefined
}

interface Activity {
  readonly node: ServedNode
  readonly elected: Elected
  readonly handOver: HandOver
  /** It takes no calls any more, and answers those that it has. */
  isEnding: boolean
}

export class MemberNode implements Serving {
  /** The node that the daemon serves; what it refuses is `refusal`. */
  readonly node: ServedNode
  /** Resolves with the reason when the process must end. */
  readonly ended: Promise<DstoreError>
  readonly #options: MemberNodeOptions
  readonly #startedAt = new Date().toISOString()
  readonly #closing = new AbortController()
  /** Called whenever this member becomes active. */
  onActive: ((status: NodeStatus) => void) | undefined
  #active: Activity | undefined
  #stepDown: (() => void) | undefined
  #onChange: () => void = () => undefined
  #end!: (fault: DstoreError) => void
  #running: Promise<void> | undefined

  constructor(options: MemberNodeOptions) {
    this.#options = options
    this.ended = new Promise((resolve) => (this.#end = resolve))
    this.node = delegating(
      () => this.#active?.node,
      () => this.refusal,
      {
        status: () => this.#status(),
        close: () => this.close(),
      },
    )
  }

  /** Begins to stand by. Resolves once it does, or is active. Rejects where it can't. */
  async start(): Promise<void> {
    this.#running = this.#run()
    const failed = this.ended.then((fault) => Promise.reject(fault))
    const isThere = (state: MemberNote['state']): boolean => {
      this.#sayStep()
      return state === 'standby' || this.#active !== undefined
    }
    await Promise.race([failed, this.#until(isThere)])
  }

  #sayStep(): void {
    const { set, onStep } = this.#options
    const { own, end } = set.status()
    if (own.state !== 'joining') onStep?.(`is ${own.state}`)
    else if (end !== undefined) onStep?.(`reads the journal: entry ${own.position} of ${end}`)
  }

  get refusal(): DstoreError | undefined {
    if (this.#active?.isEnding === false) return undefined
    const { own, others, epoch } = this.#options.set.status()
    const active = others.find((note) => saysActive(note, epoch))
    const who =
      active === undefined ? 'no member is known to be active' : `${active.name} is active`
    const isOpening = own.state === 'active' || own.state === 'beginning'
    if (isOpening) return new DstoreError('unreachable', 'this member is about to be active')
    return new DstoreError('unreachable', `this member of the set is ${stateOf(own)}: ${who}`, {
      hint: 'ask that member, or a Local of the set; see `dstore set status`',
    })
  }

  get handOver(): HandOver | undefined {
    return this.#active?.isEnding === false ? this.#active.handOver : undefined
  }

  /** Answers of an earlier activity of this member are never handed over in a later one. */
  #handOverOf(elected: Elected): HandOver {
    const isNow = (): boolean => this.#active?.elected === elected
    return {
      mayServe: () => isNow() && elected.mayServe(),
      serving: async () => {
        if (isNow()) await elected.serving()
        if (!isNow()) throw new DstoreError('unreachable', 'this member is not active any more')
      },
    }
  }

  freshen(): Promise<void> {
    return this.#options.set.freshen()
  }

  /**
   * Leaves the active part to another member, once one says that it stands by. Errors: `conflict`
   * where this one is not active, or hears none.
   */
  async stepDown(): Promise<void> {
    if (this.#stepDown !== undefined) await this.#hearStandby()
    if (this.#stepDown === undefined) {
      throw new DstoreError('conflict', 'this member is not active', {
        hint: 'see `dstore set status` for the one that is',
      })
    }
    this.#stepDown()
    await this.#until((state) => state !== 'active' && state !== 'paused')
  }

  /** One that said so before may have ended since: then nothing would answer for half a minute. */
  async #hearStandby(): Promise<void> {
    const { set } = this.#options
    const { signal } = this.#closing
    await set.freshen()
    const before = new Map(set.status().others.map(({ id, at }) => [id, at]))
    const isNew = ({ id, at, state }: MemberNote): boolean =>
      state === 'standby' && at !== before.get(id)
    const end = performance.now() + HEAR_MS
    while (performance.now() < end) {
      await pause(HEAR_LOOK_MS, signal)
      signal.throwIfAborted()
      await set.freshen()
      if (set.status().others.some(isNew)) return
    }
    throw new DstoreError('conflict', 'no other member stands by, so nothing would answer', {
      hint: 'start another member, and wait until `dstore set status` shows it as standby',
    })
  }

  /** Bounded: an engine or a bucket that is away must not keep the process. */
  async close(): Promise<void> {
    this.#closing.abort(new DstoreError('unreachable', 'the node is stopping'))
    const over = new AbortController()
    await Promise.race([this.#close().finally(() => over.abort()), pause(CLOSE_MS, over.signal)])
  }

  async #close(): Promise<void> {
    await this.#running
    await this.#options.set.close()
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing
    while (!signal.aborted) {
      try {
        if (await this.#once(signal)) return
      } catch (error) {
        if (!signal.aborted) this.#end(asDstoreError(error))
        return
      }
    }
  }

  /** Stands by, is active, and stops being so. True once another member has taken over. */
  async #once(signal: AbortSignal): Promise<boolean> {
    const { set, log, onActive } = this.#options
    const elected = await set.stand(signal)
    const node = await this.#open(elected)
    if (node === undefined) return false
    let leave: () => void = () => undefined
    const left = new Promise<'left'>((resolve) => (leave = () => resolve('left')))
    try {
      await onActive(node)
      const { listen } = await node.status()
      set.setAddresses(listen.map((address) => address.replace(/\/p2p\/[^/]+$/, '')))
      this.#stepDown = leave
      signal.addEventListener('abort', leave)
      if (signal.aborted) leave()
      this.#active = { node, elected, handOver: this.#handOverOf(elected), isEnding: false }
      this.onActive?.(await this.#status())
      this.#onChange()
      log.info('this member is active', { epoch: elected.epoch })
      const end = await Promise.race([left, elected.lost])
      if (end !== 'left') {
        this.#end(end)
        return true
      }
    } finally {
      signal.removeEventListener('abort', leave)
      this.#stepDown = undefined
      // Calls under way hear why they fail while this member may still say so.
      if (this.#active !== undefined) this.#active.isEnding = true
      await node.close()
      this.#active = undefined
      this.#options.onInactive?.()
      this.#onChange()
    }
    if (!signal.aborted) log.info('this member stands by again')
    return false
  }

  /** Undefined if another member came between: it is active, and this one stands by. */
  async #open(elected: Elected): Promise<ServedNode | undefined> {
    const { set, diskBytes, open, log } = this.#options
    const addresses = (): readonly string[] => set.addresses()
    try {
      return await open({ elected, diskBytes, addresses, status: () => set.status() })
    } catch (error) {
      const { code, message } = asDstoreError(error)
      if (code !== 'conflict') throw error
      log.info('another member took over', { why: message })
      return undefined
    }
  }

  async #until(isIt: (state: MemberNote['state']) => boolean): Promise<void> {
    while (!this.#closing.signal.aborted) {
      if (isIt(this.#options.set.status().own.state)) return
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, LOOK_MS)
        this.#onChange = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
  }

  async #status(): Promise<NodeStatus> {
    const active = this.#active
    // The node began when this member became active, and callers ask about the process.
    const startedAt = this.#startedAt
    if (active?.isEnding === false) return { ...(await active.node.status()), startedAt }
    return {
      role: 'global',
      version: VERSION,
      startedAt,
      peerId: undefined,
      listen: [],
      lanePort: undefined,
      position: undefined,
      leaseMs: undefined,
      clock: undefined,
      global: undefined,
      locals: [],
      registered: [],
      members: undefined,
      refused: undefined,
      store: undefined,
      cache: undefined,
      traffic: [],
      set: setReport(this.#options.set.status(), Date.now()),
    }
  }
}

const LOOK_MS = 50
/** A member that stands by says so twice in this time. */
const HEAR_MS: number = 2 * SET_NOTE_MS
const HEAR_LOOK_MS = 250
/** More than an active member needs to give up what is in doubt. */
const CLOSE_MS = 12_000

const stateOf = ({ state }: MemberNote): string => (state === 'standby' ? 'standing by' : state)

/** A node whose members are those of another one, which may change. */
function delegating(
  current: () => ServedNode | undefined,
  refusal: () => DstoreError | undefined,
  own: Pick<ServedNode, 'status' | 'close'>,
): ServedNode {
  const always = {
    ...own,
    role: 'global' as const,
    ending: undefined,
    get activity() {
      return current()?.activity
    },
  }
  return new Proxy({} as ServedNode, {
    get: (_, name) => {
      if (Object.hasOwn(always, name)) return Reflect.get(always, name) as unknown
      const node = current()
      // The server refuses calls before they come here; this is for one that was under way.
      if (node === undefined) throw refusal() ?? new DstoreError('unreachable', 'the node changes')
      const value: unknown = Reflect.get(node, name, node)
      return typeof value === 'function' ? (value.bind(node) as unknown) : value
    },
  })
}
