/** How far an archive is, as `status` names it. */

/**
 * `opening`: the store is not open yet. `first-copy`: what the store had before is being uploaded,
 * so that nothing can be restored yet. `current`: the bucket has all, or lacks what is on its way.
 * `behind`: its last try failed, and puts go on. `waiting`: puts wait for the bucket.
 * `unreachable`: they have waited in vain, and are refused. `fenced`: another node has taken over.
 */
export type ArchiveState =
  | 'opening'
  | 'first-copy'
  | 'current'
  | 'behind'
  | 'waiting'
  | 'unreachable'
  | 'fenced'
