/**
 * dstore for IPFS in JavaScript: a blockstore, a block broker for Helia, a hasher for its keys.
 */
export { DstoreBlockstore } from './blockstore.ts'
export type { BlockstoreOptions, Deletes } from './blockstore.ts'
export { dstoreBlockBroker } from './broker.ts'
export type { DstoreBlockBroker, RetrieveOptions } from './broker.ts'
export { blake3 } from './hasher.ts'
