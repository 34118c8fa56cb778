/** Requests about trees, and those under a hold. */
import type { Body, CommitTree, Hold, MakeDirectories, Offer, Present } from '../../message.ts'

export type TreeRequest =
  | Hold
  | Present
  | MakeDirectories
  | CommitTree
  | (Offer & { readonly hold: Uint8Array })

/** A put under a hold is none of them: it is staged first. */
export function isTreeRequest(body: Body): body is TreeRequest {
  switch (body.type) {
    case 'hold':
    case 'present':
    case 'make-directories':
    case 'commit-tree':
      return true
    case 'offer':
      return body.hold !== undefined
    default:
      return false
  }
}
