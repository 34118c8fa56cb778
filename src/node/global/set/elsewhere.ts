/** What a Global asks of an archive or a set before it grants or answers anything. */
import type { Archive } from '../../../archive/archive.ts'
import type { DstoreError } from '../../../errors.ts'
import type { Network } from '../../../network/network.ts'
import type { Channel } from '../../../wire/channel.ts'
import { heldChannel } from './held-channel.ts'
import type { NodeSet } from './node-set.ts'

interface Elsewhere {
  readonly mayRenew: () => boolean
  readonly refusal: () => DstoreError | undefined
  readonly confirmed?: () => Promise<void>
}

/** For the index: may leases be renewed, why are changes refused, is this member still active? */
export function elsewhereOf({
  set,
  archive,
}: {
  readonly set?: NodeSet | undefined
  readonly archive?: { readonly archive: Pick<Archive, 'mayServe' | 'refusal'> } | undefined
}): Elsewhere {
  const elsewhere = set?.elected ?? archive?.archive
  return {
    mayRenew: () => elsewhere?.mayServe() ?? true,
    refusal: () => elsewhere?.refusal,
    ...(set && { confirmed: () => set.elected.confirmed() }),
  }
}

/** Serves channels, which wait while the member of a set may not answer. */
export function holding(
  set: NodeSet | undefined,
  serve: (channel: Channel) => Promise<void>,
): (channel: Channel) => void {
  if (set === undefined) return (channel) => void serve(channel)
  return (channel) => void serve(heldChannel(channel, set.elected))
}

/** Ends the sessions of a member that may not answer for long: Locals look elsewhere. */
export function endWhenSilent(
  set: NodeSet | undefined,
  driver: { readonly index: { peers(): readonly string[] } },
  network: Pick<Network, 'disconnect'> | undefined,
): void {
  if (set === undefined) return
  set.elected.onSilent = () => {
    for (const peer of driver.index.peers()) network?.disconnect(peer)
  }
}
