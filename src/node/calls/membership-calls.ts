/** The calls of an administrator, in either role: tickets and members (specs/006-membership.md). */
import { DstoreError } from '../../errors.ts'
import type { AnswerTo } from '../../index/message.ts'
import {
  BATCH_ITEMS,
  LABEL_CHARS,
  LEAST_TICKET_MS,
  LONGEST_TICKET_MS,
  TICKET_MS,
  TICKET_SECRET_BYTES,
  TICKET_USES,
} from '../../limits.ts'
import { isLabel } from '../../membership/label.ts'
import { isLoopbackAddress } from '../../membership/loopback.ts'
import { keyOfPeerId } from '../../membership/peer-id.ts'
import { parseRole, type MemberRole } from '../../membership/role.ts'
import { formatTicket, hashSecret } from '../../membership/ticket.ts'
import type {
  CallOptions,
  ExpelResult,
  Invitation,
  InviteOptions,
  MemberEntry,
  NodeMembers,
} from '../node.ts'
import type { Ask } from './index-calls.ts'
import { itemsOf } from './pages.ts'

export interface MembershipCallsOptions {
  /** Peer id of Global. */
  readonly globalPeer: string
  readonly random: (bytes: number) => Uint8Array
  readonly ask: Ask
}

export class MembershipCalls implements NodeMembers {
  readonly #options: MembershipCallsOptions

  constructor(options: MembershipCallsOptions) {
    this.#options = options
  }

  /** Only the hash of the secret leaves this node; Global first sees the secret in a hello. */
  async invite(options: InviteOptions = {}): Promise<Invitation> {
    const { role = 'writer', uses = 1, validMs = TICKET_MS, label } = options
    parseRole(role)
    if (label !== undefined && !isLabel(label)) {
      throw new DstoreError(
        'usage',
        `not a label: ${JSON.stringify(label.slice(0, LABEL_CHARS))}`,
        {
          hint: `write up to ${LABEL_CHARS} letters, digits and . _ @ : -`,
        },
      )
    }
    if (!Number.isInteger(uses) || uses < 1 || uses > TICKET_USES) {
      throw new DstoreError('usage', `a ticket is for 1 to ${TICKET_USES} uses`)
    }
    if (!(validMs >= LEAST_TICKET_MS && validMs <= LONGEST_TICKET_MS)) {
      const longest = LONGEST_TICKET_MS / 86_400_000
      throw new DstoreError('usage', `a ticket is good for 1s to ${longest}d`)
    }
    const { globalPeer, random, ask } = this.#options
    const secret = random(TICKET_SECRET_BYTES)
    const terms = { role, uses, validMs: Math.round(validMs), ...(label && { label }) }
    const facts = { secretHash: hashSecret(secret), ...terms }
    const { addresses, expiresMs } = await ask({ type: 'invite', ...facts }, options)
    if (addresses.length === 0) {
      throw new DstoreError('usage', 'Global listens on no address that a ticket can hold')
    }
    const ticket = formatTicket({ peer: globalPeer, addresses, secret })
    const expiresAt = new Date(expiresMs).toISOString()
    return { ticket, role, uses, expiresAt, loopbackOnly: addresses.every(isLoopbackAddress) }
  }

  async *list(options: CallOptions = {}): AsyncGenerator<MemberEntry> {
    const page = (after: string | undefined): Promise<AnswerTo['members']> =>
      this.#options.ask({ type: 'members', after, limit: BATCH_ITEMS }, options)
    for await (const item of itemsOf(page, ({ peer }) => peer)) {
      const { peer, role, connected, sinceMs, label } = item
      const there = connected ? 'connected' : 'away'
      const state = role === undefined ? 'expelled' : there
      const since = new Date(sinceMs).toISOString()
      yield { peer, role, state, since, ...(label !== undefined && { label }) }
    }
  }

  async admit(peer: string, role: MemberRole, options: CallOptions = {}): Promise<void> {
    await this.#options.ask(
      { type: 'admit', peer: checkPeer(peer), role: parseRole(role) },
      options,
    )
  }

  async expel(peer: string, options: CallOptions = {}): Promise<ExpelResult> {
    const { timeoutMs } = options
    const request = { type: 'expel', peer: checkPeer(peer), timeoutMs } as const
    const { type: _, digest: __, ...facts } = await this.#options.ask(request, options)
    return { peer, ...facts }
  }
}

function checkPeer(peer: string): string {
  if (keyOfPeerId(peer) !== undefined) return peer
  throw new DstoreError('usage', 'not the peer id of a node', {
    hint: '`dstore status` shows it at each node; it begins with 12D3KooW',
  })
}
