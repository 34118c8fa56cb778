/** Labels: what people call members and tokens (specs/006-membership.md, "Rules: labels"). */
import { LABEL_CHARS } from '../limits.ts'

/** How each peer id of a node begins. */
const PEER_ID = '12D3KooW'

/** A text that begins as a peer id does is none: it would pass for another member. */
export function isLabel(text: string): boolean {
  return text.length <= LABEL_CHARS && /^[\w.@:-]+$/.test(text) && !text.startsWith(PEER_ID)
}

/** The label that a host name gives; undefined if it gives none. */
export function labelOfHost(host: string): string | undefined {
  const label = host.replaceAll(/[^\w.@:-]+/g, '-').slice(0, LABEL_CHARS)
  return /[a-z\d]/i.test(label) && isLabel(label) ? label : undefined
}

/** The label of a member: as it is, or with the end of its peer id if another has it (R006-48). */
export function distinctLabel(
  label: string,
  peer: string,
  isTaken: (label: string) => boolean,
): string {
  if (!isTaken(label)) return label
  const end = peer.slice(-6)
  return `${label.slice(0, LABEL_CHARS - end.length - 1)}-${end}`
}
