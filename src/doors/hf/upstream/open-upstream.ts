/** Opens the read-through of the door `hf`. */
import type { DoorContext } from '../../../daemon/http/doors/door-context.ts'
import { REACHES, type Reach } from '../../../daemon/outgoing/address-reach.ts'
import { Outgoing } from '../../../daemon/outgoing/outgoing.ts'
import { Kept } from './kept.ts'
import { ReadThrough } from './read-through.ts'
import { Remote } from './remote.ts'
import type { HfUpstream } from './upstream.ts'

/** The upstream that the settings name; undefined without one. */
export function openUpstream({ hfUpstream, node, log }: DoorContext): HfUpstream | undefined {
  if (hfUpstream === undefined) return undefined
  const { url, token } = hfUpstream
  if (token !== undefined && /^http:/i.test(url)) {
    log.warn('the token of the upstream is sent without TLS', { upstream: new URL(url).origin })
  }
  const others = new Map(REACHES.map((reach) => [reach, new Outgoing(reach)]))
  const remote = new Remote({
    url,
    ...(token !== undefined && { token }),
    own: new Outgoing(),
    others: (from: Reach) => others.get(from)!,
  })
  return new ReadThrough({ remote, kept: new Kept(node), log })
}
