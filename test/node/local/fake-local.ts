/**
 * A Local whose Global is a script: facts from a table, bytes from a `TestHost`, and any verdict.
 */
import type { ExecutionContext } from 'ava'
import { DstoreError } from '../../../src/errors.ts'
import { hash } from '../../../src/hash/hasher.ts'
import { Key } from '../../../src/hash/key.ts'
import type { Answer, Fact, Found, Request } from '../../../src/index/message.ts'
import type { Verdict } from '../../../src/index/local/freshness.ts'
import { MIB } from '../../../src/limits.ts'
import { SILENT } from '../../../src/log.ts'
import { Gate } from '../../../src/membership/gate.ts'
import { KnownMembers } from '../../../src/membership/known-members.ts'
import type { Network } from '../../../src/network/network.ts'
import type { GlobalLink } from '../../../src/node/local/global-link.ts'
import type { AskOptions, Held, LinkStatus } from '../../../src/node/local/link-options.ts'
import { CacheBudget } from '../../../src/node/cache/cache-budget.ts'
import { Local } from '../../../src/node/local/local.ts'
import type { OpenedFiles } from '../../../src/node/tiers/open-files.ts'
import { TransferChannel } from '../../../src/transfer/transfer-channel.ts'
import type { Channel } from '../../../src/wire/channel.ts'
import { TestHost, served, type Sample } from '../../transfer/ends.ts'
import { channelPair } from '../../wire/memory-pair.ts'

export class FakeLocal {
  readonly local: Local
  /** What the link applies changes to. */
  held: Held | undefined
  verdict: Verdict = 'serve'
  /** Called before each answer about freshness. */
  onCheck: () => void | Promise<void> = () => undefined
  /** Called before each answer of Global. */
  onAsk: (request: Request, options: AskOptions) => void | Promise<void> = () => undefined
  /** Called when the link says goodbye. */
  onClose: () => void = () => undefined
  isLeaseOver = false
  readonly status: { -readonly [field in keyof LinkStatus]: LinkStatus[field] } = {
    state: 'connected',
    since: new Date(),
    error: undefined,
  }
  /** Global's facts, by the text of the key. */
  readonly facts: Map<string, Fact> = new Map()
  readonly asked: Request[] = []
  /** Global's names, each with the seq at which it was bound. */
  readonly names: Map<string, { readonly key: Key; readonly incarnation: number }> = new Map()
  /** What the link was told of changes that callers asked for. */
  readonly wrote: { readonly name: string; readonly seq: number }[] = []
  readonly host: TestHost
  /** Opens a transfer channel to Global. */
  open: () => Promise<Channel> = async () => served(this.host).client.channel
  #serve: (channel: Channel) => void = () => undefined

  constructor(value: Sample, cacheBytes: number = 64 * MIB, files?: OpenedFiles) {
    this.host = new TestHost(value)
    this.host.join = () => []
    this.local = new Local({
      network: this.#network(),
      link: this.#link() as unknown as GlobalLink,
      addresses: { all: ['/ip4/127.0.0.1/tcp/1/p2p/G'], close: async () => undefined },
      globalPeer: 'G',
      gate: new Gate({ admission: undefined, now: () => 0, report: () => undefined }),
      members: new KnownMembers(() => undefined),
      budget: new CacheBudget(cacheBytes),
      files,
      log: SILENT,
      random: (bytes) => new Uint8Array(bytes),
    })
    this.state({ size: value.size }, value)
  }

  /** Global says this of a value. */
  state(fact: Partial<Fact>, { digest }: Pick<Sample, 'digest'> = this.host.value): void {
    const known = { size: 0, incarnation: 1, value: undefined, holders: [], names: [], ...fact }
    this.facts.set(new Key(digest).toHex(), known)
  }

  get key(): Key {
    return new Key(this.host.value.digest)
  }

  /** Global removes the value, as its feed says. */
  remove(seq: number): void {
    this.facts.delete(this.key.toHex())
    this.held!.apply([{ digest: this.key.digest, seq }], [])
  }

  /** A channel that another member opens to this Local. */
  async opened(t: ExecutionContext): Promise<TransferChannel> {
    await this.local.listen()
    const [asker, giver] = channelPair({ peers: ['asker', 'giver'] })
    this.#serve(giver)
    t.teardown(() => asker.abort(new DstoreError('cancelled', 'the test is over')))
    return new TransferChannel(asker)
  }

  #network(): Network {
    return {
      peerId: 'me',
      start: async () => undefined,
      addresses: () => ['/ip4/10.0.0.1/tcp/1/p2p/me'],
      dial: () => Promise.reject(new Error('not dialled')),
      open: () => this.open(),
      handle: async (_, take) => void (this.#serve = take),
      disconnect: () => undefined,
      close: async () => undefined,
    }
  }

  #found(name: string): Found | undefined {
    const bound = this.names.get(name)
    const fact = bound && this.facts.get(bound.key.toHex())
    return fact && { digest: bound.key.digest, incarnation: bound.incarnation, fact }
  }

  #link() {
    const { facts, asked, status } = this
    return {
      attach: (held: Held) => void (this.held = held),
      checkFreshness: async () => {
        await this.onCheck()
        return this.verdict === 'wait' ? 'serve' : this.verdict
      },
      verdict: () => this.verdict,
      wrote: (name: string, seq: number) => {
        this.wrote.push({ name, seq })
        this.held!.apply([], [{ name, seq }])
      },
      isLeaseOver: () => this.isLeaseOver,
      isDoubtful: () => false,
      status: this.status,
      get isExpected() {
        return status.state === 'connected'
      },
      failover: { isOfSet: false, isFailingOver: () => false },
      begin: () => ({ isFresh: () => true, end: () => undefined }),
      dialNow: async () => undefined,
      close: async () => this.onClose(),
      ask: async (
        request: Request,
        options: AskOptions,
        take: (answer: Answer, keep: boolean) => unknown = (answer) => answer,
      ): Promise<unknown> => {
        asked.push(request)
        if (options.signal?.aborted === true) throw new DstoreError('cancelled', 'cancelled')
        await this.onAsk(request, options)
        if (request.type === 'put') {
          const receipts = request.values.map((value) => {
            const { digest, size } = hash(value)
            return { digest, size, existed: false, incarnation: 1 }
          })
          return take({ type: 'stored', receipts }, true)
        }
        if (request.type === 'offer') {
          return take({ type: 'offered', have: undefined, sendFrom: 0 }, true)
        }
        if (request.type === 'lookup' || request.type === 'bind') {
          return take({ type: 'binding', found: this.#found(request.name) }, true)
        }
        if (request.type === 'unbind') {
          if (!this.names.delete(request.name)) throw new DstoreError('not-found', 'no such name')
          const peers = { acknowledged: [], owed: ['me'], expired: [] }
          const names = [request.name]
          return take(
            { type: 'removed', seq: 9, freedBytes: 0, names, digest: undefined, ...peers },
            true,
          )
        }
        if (request.type !== 'locate') throw new Error(`not part of this test: ${request.type}`)
        const found = request.digests.map((digest) => facts.get(new Key(digest).toHex()))
        return take({ type: 'located', facts: found }, true)
      },
    }
  }
}
